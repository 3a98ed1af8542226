import Cluster
import JSON
import Model
import TestSupport
import Testing

@testable import Broker

@Suite struct ControlPayloadTests {
  private static let direct = #"{"type":"direct","from":null,"client":"c-1","data":1,"ts":1}"#
  private static let notification = #"{"type":"notification","data":1,"ts":1}"#

  private func parse(_ text: String, maxMessageSize: Int = 1000) -> ControlPayload? {
    withBytes(of: text) { ControlPayload.parse($0, maxMessageSize: maxMessageSize) }
  }

  @Test(arguments: ["bob", "a b", "d", "n", "é\u{2028}{\"", String(repeating: "x", count: 200)])
  func readsWhatItWrites(_ name: String) {
    for (addressee, number, text) in [
      (Addressee.user(user(name)), nil, Self.direct), (.user(user(name)), nil, Self.notification),
      (.everybody, nil, Self.notification), (.everybody, 0, Self.notification), (.everybody, .max, Self.notification),
    ] as [(Addressee, UInt64?, String)] {
      var writer = ByteWriter()
      ControlPayload.appendHeader(addressee, number: number, to: &writer)
      let count = writer.bytes.count
      writer.append(utf8: text)
      let whole = String(decoding: writer.bytes, as: UTF8.self)
      #expect(parse(whole) == .event(addressee, number: number, count..<count + text.utf8.count))
    }
    #expect(parse("probe 18446744073709551615") == .probe(.max))
  }

  @Test(arguments: [
    "", "d", "d ", "n", "n\n", "d bob", "d bob\n", "d \n" + direct, "d  bob", "dbob\n" + direct, "D bob\n" + direct,
    "n\n" + direct, "n \n" + notification, "n bob\n" + notification, "n 1\n" + direct,
    "n 01\n" + notification, "n +1\n" + notification, "n 1 \n" + notification,
    "n 18446744073709551616\n" + notification, "\n" + notification, notification, direct,
    "d b\u{1}b\n" + direct, "d " + String(repeating: "x", count: 201) + "\n" + direct,
    "d bob\n{}", "d bob\n1", #"d bob\#n{"type":"message","data":1}"#, "d bob\n " + direct, "d bob\n\n" + direct,
    "d bob\n" + direct + "x", "d bob\n" + direct.dropLast(), #"d bob\#n{"type":"direct","data":01}"#,
    #"d bob\#n{"type":"direct","t\u0079pe":"error"}"#, #"d bob\#n{"type":"direct","x":1,"type":"direct"}"#,
    #"d bob\#n{"type":"direct",}"#, "d bob\r\n" + direct, "probe", "probe x", "probe -1", "probe 7 8", "probe  7",
    "probe 18446744073709551616", "m - - -\n" + direct,
  ])
  func nothingElse(_ text: String) {
    #expect(parse(text) == nil)
  }

  @Test func nothingThatIsNoUTF8() {
    let text = Array(#"d bob\#n{"type":"direct","data":""#.utf8) + [0xFF] + Array("\"}".utf8)
    #expect(text.withUnsafeBytes { ControlPayload.parse($0, maxMessageSize: 1000) } == nil)
    let name = Array("d b".utf8) + [0xC0, 0xAF] + Array("\n\(Self.direct)".utf8)
    #expect(name.withUnsafeBytes { ControlPayload.parse($0, maxMessageSize: 1000) } == nil)
  }

  @Test func nothingLongerThanAMessageMakesIt() {
    let data = String(repeating: "x", count: 1000 + ControlPayload.maxEnvelope - 27)
    let longest = #"{"type":"direct","data":"\#(data)"}"#
    #expect(longest.utf8.count == 1000 + ControlPayload.maxEnvelope)
    #expect(parse("d bob\n" + longest) != nil)
    #expect(parse("d bob\n" + longest + " ") == nil)
    #expect(parse("n\n" + Self.notification, maxMessageSize: 0) != nil)
  }

  // MARK: Surveys

  private func parse(_ bytes: [UInt8]) -> ControlPayload? {
    bytes.withUnsafeBytes { ControlPayload.parse($0, maxMessageSize: 0) }
  }

  @Test(arguments: [
    "{}", "x", "\n", "a\nb\n", "q 1 a.b\n{}", "{\"ask\":\"node\"}", "d bob\n", String(repeating: "x", count: 100_000),
  ])
  func readsTheSurveysThatItWrites(_ text: String) {
    for part in [ControlPayload.SurveyPart.question, .answer] {
      for (number, node) in [(0, "a.b"), (UInt64.max, String(repeating: "n", count: 40) + ".0Az-9Z")] {
        let bytes = ControlPayload.survey(part, number: number, from: [node], Array(text.utf8))
        guard case .survey(part, number, from: [node], let range)? = parse(bytes) else {
          Issue.record("\(part) \(number) \(node) is not read")
          continue
        }
        #expect(String(decoding: bytes[range], as: UTF8.self) == text)
      }
    }
  }

  /// The broker carries text, and looks into none of it.
  @Test func aSurveyMayHoldAnyBytes() {
    let text: [UInt8] = [0, 0xFF, 0x0A, 0xC0, 0x80]
    let bytes = ControlPayload.survey(.answer, number: 1, from: ["a.b"], text)
    #expect(parse(bytes) == .survey(.answer, number: 1, from: ["a.b"], bytes.count - text.count..<bytes.count))
  }

  @Test func anAnswerMayBeEmpty() {
    #expect(parse("a 12 web-1.x3f9zz\n") == .survey(.answer, number: 12, from: ["web-1.x3f9zz"], 18..<18))
  }

  @Test func anAnswerMayHaveSeveralIds() {
    let ids = (0..<64).map { "\(String(repeating: "n", count: 40)).\(String(repeating: "x", count: 6))\($0)" }
    let bytes = ControlPayload.survey(.answer, number: UInt64.max, from: ids, [1])
    #expect(parse(bytes) == .survey(.answer, number: .max, from: ids, bytes.count - 1..<bytes.count))
    #expect(parse("q 1 a.b,a.c\n{}") == nil)
    for line in ["a.b,", ",a.b", "a.b,,a.c", "a.b, a.c", "a.b,x", ","] { #expect(parse("a 1 \(line)\n{}") == nil) }
  }

  @Test func theyAreOfSoManyBytes() {
    for part in [ControlPayload.SurveyPart.question, .answer] {
      let longest = [UInt8](repeating: 0x20, count: Survey.maxBytes)
      #expect(parse(ControlPayload.survey(part, number: 1, from: ["a.b"], longest)) != nil)
      #expect(parse(ControlPayload.survey(part, number: 1, from: ["a.b"], longest + [0x20])) == nil)
    }
  }

  @Test(arguments: [
    "", " ", "1", "1 ", " a.b", "1 a", "1 .", "1 a.", "1 .b", "1 a.b.c", "1 a..b", "1 a b", "1 a.b ", " 1 a.b",
    "1  a.b",
    "1 a.b 2", "1\ta.b", "1 a.b\r", "-1 a.b", "x a.b", "0x1 a.b", "1.0 a.b", "1e3 a.b", "18446744073709551616 a.b",
    "99999999999999999999999999 a.b", "1 a_b.c", "1 a:b.c", "1 a.é", "1 a.b\u{301}", "1 a.\u{301}b", "1 *.b", "1 a.b\0",
    "1 " + String(repeating: "a", count: 41) + ".b", "1 a." + String(repeating: "b", count: 41), "1 a/../b.c",
    "1 " + String(repeating: "a", count: 300), String(repeating: "1", count: 300) + " a.b",
  ])
  func noOtherSurveys(_ line: String) {
    for letter in ["q", "a"] {
      #expect(parse("\(letter) \(line)\n{}") == nil)
      #expect(parse("\(letter) \(line)\n") == nil)
    }
  }

  @Test(arguments: [
    "q", "a", "q\n", "a\n", "q1 a.b\n{}", "Q 1 a.b\n{}", "q 1 a.b", "q 1 a.b{}", "qa 1 a.b\n{}", " q 1 a.b\n{}",
    "\nq 1 a.b\n{}",
  ])
  func noSurveyWithoutItsLetter(_ text: String) {
    #expect(parse(text) == nil)
  }

  @Test func noSurveyOfNodesThatAreNoUTF8() {
    for name in [[0xFF], [0xC0, 0xAF], [0x61, 0x80]] as [[UInt8]] {
      #expect(parse(Array("q 1 a.".utf8) + name + Array("\n{}".utf8)) == nil)
    }
  }

  /// Whatever is cut off or changed on the way is read, or is not; nothing traps.
  @Test(arguments: UInt64(0)..<4) func anythingMayCome(_ seed: UInt64) {
    var generator = SplitMix64(seed: seed)
    let whole = ControlPayload.survey(.question, number: 1234, from: ["web-1.x3f9zz"], Array(#"{"ask":"node"}"#.utf8))
    for _ in 0..<2000 {
      var bytes = Array(whole.prefix(Int.random(in: 0...whole.count, using: &generator)))
      for _ in 0..<Int.random(in: 0..<3, using: &generator) where !bytes.isEmpty {
        bytes[Int.random(in: 0..<bytes.count, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
      }
      guard case .survey(_, number: _, from: let nodes, let range)? = parse(bytes) else { continue }
      #expect(
        nodes.allSatisfy(NodeID.isValid) && range.upperBound == bytes.count && bytes[range.lowerBound - 1] == 0x0A)
    }
  }
}
