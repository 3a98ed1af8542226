import Model
import Protocol
import TestSupport
import Testing

@Suite struct CommandRefusalTests {
  private func refusal(_ text: String) -> Refusal? {
    switch withBytes(of: text, CommandScanner.scan) {
    case .success: nil
    case .failure(let refusal): refusal
    }
  }

  /// What every refusal has in common, and its code and id.
  private func expect(
    _ text: String, _ code: ErrorCode, id: String?, mentions word: String? = nil,
    at location: SourceLocation = #_sourceLocation
  ) {
    guard let refusal = refusal(text) else {
      Issue.record("accepted: \(text)", sourceLocation: location)
      return
    }
    #expect(refusal.code == code, "\(text)", sourceLocation: location)
    #expect(refusal.id?.json == id, "\(text)", sourceLocation: location)
    #expect(
      refusal.message.hasSuffix(".") || refusal.message.hasSuffix("?"), "\(refusal.message)", sourceLocation: location)
    #expect(refusal.retryAfter == nil, sourceLocation: location)
    if let word { #expect(refusal.message.contains(word), "\(refusal.message)", sourceLocation: location) }
  }

  @Test(arguments: ["", " ", "1", "\"ping\"", "null", "ping", "\u{FEFF}{}", "}"])
  func whatIsNoObject(_ text: String) {
    expect(text, .badRequest, id: nil, mentions: "object")
  }

  @Test(arguments: [
    "{", "{\"type\":\"ping\"", "{\"type\":\"ping\",}", "{\"type\":\"ping\"}x", "{\"type\":\"ping\"}{}", "{type:1}",
    "{'type':'ping'}", "{\"type\":\"ping\",\"x\":01}", "{\"type\":\"ping\",\"x\":\"\\x\"}",
    "{\"type\":\"ping\",\"x\":tru}",
    "{\"type\":\"publish\",\"channel\":\"a\",\"data\":{\"a\":}}", "{\"type\":\"publish\",\"channel\":\"a\",\"data\":}",
    "{\"type\":\"publish\",\"channel\":\"a\",\"data\":\"a\nb\"}",
    "{\"type\":\"publish\",\"channel\":\"a\",\"data\":[1,]}",
  ])
  func whatIsNoJSON(_ text: String) {
    expect(text, .badRequest, id: nil, mentions: "JSON")
  }

  @Test func depthOf65() {
    let data = String(repeating: "[", count: 64) + String(repeating: "]", count: 64)
    expect(#"{"type":"publish","channel":"a","id":1,"data":\#(data)}"#, .badRequest, id: "1", mentions: "64")
    expect(#"{"type":"ping","id":1,"x":\#(data)}"#, .badRequest, id: "1", mentions: "64")
  }

  @Test(arguments: [
    "null", "true", "{}", "[1]", "1.0", "1.5", "1e2", "1E2", "0.0", "9223372036854775808", "-9223372036854775809",
    "123456789012345678901234567890", #""\ud800""#, "\"" + String(repeating: "x", count: 65) + "\"",
    "\"" + String(repeating: "\\u0041", count: 65) + "\"", "\"" + String(repeating: "é", count: 33) + "\"",
  ])
  func badIDs(_ id: String) {
    expect(#"{"type":"ping","id":\#(id)}"#, .badRequest, id: nil, mentions: "id")
    expect(#"{"id":\#(id),"type":"nonsense"}"#, .badRequest, id: nil, mentions: "id")
  }

  @Test(arguments: ["type", "channel", "data", "presence", "info", "echo", "only"])
  func doubledMembers(_ key: String) {
    let twice = #""\#(key)":1,"\#(key)":1"#
    expect("{\(twice),\"id\":4}", .badRequest, id: "4", mentions: key)
    expect("{\"id\":4,\(twice)}", .badRequest, id: "4", mentions: key)
    let escaped = "\\u00" + String(key.utf8.first ?? 0, radix: 16) + key.dropFirst()
    expect(#"{"\#(key)":"a","\#(escaped)":"a","id":4}"#, .badRequest, id: "4", mentions: key)
  }

  @Test func aDoubledIDIsNone() {
    expect(#"{"type":"ping","id":1,"id":1}"#, .badRequest, id: nil, mentions: "id")
    expect(#"{"type":"ping","id":1,"type":"ping","i\u0064":2}"#, .badRequest, id: nil, mentions: "id")
    expect(#"{"type":"ping","id":1,"id":1,"type":"ping"}"#, .badRequest, id: nil, mentions: "id")
    expect(#"{"id":1,"id":2"#, .badRequest, id: nil)
  }

  @Test func anIDBeforeTheFaultIsGivenBack() {
    expect(#"{"id":"a","type":"ping","x":}"#, .badRequest, id: #""a""#)
    expect(#"{"type":"ping","x":},"id":"a"}"#, .badRequest, id: nil)
    expect(#"{"id":null,"type":"ping","x":}"#, .badRequest, id: nil)
  }

  @Test(arguments: ["", ",\"type\":1", ",\"type\":null", ",\"type\":[\"ping\"]", ",\"type\":{}", ",\"type\":true"])
  func typesThatAreNoStrings(_ members: String) {
    expect("{\"id\":4\(members)}", .badRequest, id: "4", mentions: "type")
  }

  @Test(arguments: ["", "Ping", "ping ", "PUBLISH", "subscribed", "connected", "é", #"a\"b"#])
  func unknownTypes(_ type: String) {
    expect(#"{"type":"\#(type)","id":4}"#, .unknownType, id: "4")
    expect(#"{"id":4,"type":"\#(type)","channel":7}"#, .unknownType, id: "4")
  }

  @Test func unknownTypesAreNamedAndCutAt64Bytes() throws {
    #expect(try #require(refusal(#"{"type":"dance"}"#)).message.contains("\"dance\""))
    #expect(try #require(refusal(#"{"type":"d\u0061nce"}"#)).message.contains("\"dance\""))
    let long = String(repeating: "x", count: 64)
    #expect(try #require(refusal(#"{"type":"\#(long)"}"#)).message.contains("\"\(long)\""))
    #expect(try #require(refusal(#"{"type":"\#(long)y"}"#)).message.contains("\"\(long)\""))
    // A character of two bytes across the cut is left out whole.
    let odd = "x" + String(repeating: "é", count: 40)
    let cut = "x" + String(repeating: "é", count: 31)
    #expect(try #require(refusal(#"{"type":"\#(odd)"}"#)).message.contains("\"\(cut)\""))
    #expect(refusal(#"{"type":"\ud800"}"#)?.code == .unknownType)
  }

  @Test(arguments: ["subscribe", "unsubscribe", "publish", "message", "presence"])
  func channelsThatAreNoStrings(_ type: String) {
    for members in ["", #","channel":1"#, #","channel":null"#, #","channel":["a"]"#] {
      expect(#"{"type":"\#(type)","id":4,"data":1\#(members)}"#, .badRequest, id: "4", mentions: "channel")
    }
  }

  @Test(arguments: [
    "", "a b", #"a\u0020b"#, #"a\nb"#, #"\u0000"#, "a{b", "a}b", #"\u007b"#, #"\u007f"#, "\u{A0}", "\u{3000}",
    #"\ud800"#,
    String(repeating: "x", count: 201), String(repeating: "é", count: 101),
  ])
  func badChannelNames(_ name: String) {
    for type in ["subscribe", "unsubscribe", "publish", "message", "presence"] {
      expect(#"{"type":"\#(type)","id":4,"data":1,"channel":"\#(name)"}"#, .invalidChannel, id: "4")
    }
  }

  @Test(arguments: ["null", "0", "1", #""false""#, "[]", "{}"])
  func echoThatIsNoBoolean(_ echo: String) {
    expect(#"{"type":"publish","channel":"a","data":1,"echo":\#(echo),"id":4}"#, .badRequest, id: "4", mentions: "echo")
  }

  @Test(arguments: ["null", "0", "1", #""true""#, #""Watch""#, #""""#, "[]", "{}"])
  func presenceThatIsNeither(_ presence: String) {
    let text = #"{"type":"subscribe","channel":"a","presence":\#(presence),"id":4}"#
    expect(text, .badRequest, id: "4", mentions: "presence")
  }

  @Test(arguments: ["null", "true", "1", #""Count""#, #""members""#, #""""#, #"["count"]"#])
  func onlyThatIsNotCount(_ only: String) {
    expect(#"{"type":"presence","channel":"a","only":\#(only),"id":4}"#, .badRequest, id: "4", mentions: "only")
  }

  @Test func publishWithoutData() {
    expect(#"{"type":"publish","channel":"a","id":4}"#, .badRequest, id: "4", mentions: "data")
  }

  @Test func infoOf1025Bytes() {
    let info = "\"" + String(repeating: "x", count: 1023) + "\""
    expect(#"{"type":"subscribe","channel":"a","info":\#(info),"id":4}"#, .tooLarge, id: "4", mentions: "info")
  }
}
