import Broker
import JSON
import Model
import TestSupport
import Testing

@Suite struct ControlPayloadTests {
  private static let direct = #"{"type":"direct","from":null,"client":"c-1","data":1,"ts":1}"#
  private static let notification = #"{"type":"notification","data":1,"ts":1}"#

  private func parse(_ text: String, maxMessageSize: Int = 1000) -> ControlPayload? {
    withBytes(of: text) { ControlPayload.parse($0, maxMessageSize: maxMessageSize) }
  }

  @Test(arguments: ["bob", "a b", "d", "n", "é\u{2028}{\"", String(repeating: "x", count: 200)])
  func readsWhatItWrites(_ name: String) {
    for (addressee, text) in [
      (Addressee.user(user(name)), Self.direct), (.user(user(name)), Self.notification),
      (.everybody, Self.notification),
    ] {
      var writer = ByteWriter()
      ControlPayload.appendHeader(addressee, to: &writer)
      let count = writer.bytes.count
      writer.append(utf8: text)
      let whole = String(decoding: writer.bytes, as: UTF8.self)
      #expect(parse(whole) == .event(addressee, count..<count + text.utf8.count))
    }
    #expect(parse("probe 18446744073709551615") == .probe(.max))
  }

  @Test(arguments: [
    "", "d", "d ", "n", "n\n", "d bob", "d bob\n", "d \n" + direct, "d  bob", "dbob\n" + direct, "D bob\n" + direct,
    "n\n" + direct, "n \n" + notification, "n bob\n" + notification, "\n" + notification, notification, direct,
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
}
