import JSON
import Model
import Protocol
import TestSupport
import Testing

@Suite struct CommandScannerTests {
  private func command(_ text: String) throws -> Command {
    try withBytes(of: text, CommandScanner.scan).get()
  }

  private func publish(_ text: String) throws -> (command: PublishCommand, data: String) {
    guard case .publish(let publish) = try command(text) else { throw Mismatch() }
    return (publish, withBytes(of: text) { JSONScanner($0).text(publish.data) })
  }

  private struct Mismatch: Error {}

  @Test func readsSubscribe() throws {
    let room = try ChannelName.known("room:1")
    let two = RequestID(json: "2")
    for (members, presence, info) in [
      ("", PresenceMode.none, nil), (#","presence":false"#, .none, nil), (#","presence":true"#, .member, nil),
      (#","presence":"watch""#, .watch, nil), (#","presence":"w\u0061tch""#, .watch, nil),
      (#","presence":true,"info":{"a": [1, 2.50]}"#, .member, #"{"a": [1, 2.50]}"#),
      (#","info":"x\u0041" "#, .none, #""x\u0041""#), (#","info":null"#, .none, "null"),
    ] as [(String, PresenceMode, String?)] {
      let text = #"{"type":"subscribe","channel":"room:1","id":2"# + members + "}"
      let expected = SubscribeCommand(channel: room, id: two, presence: presence, info: info)
      #expect(try command(text) == .subscribe(expected), "\(text)")
    }
  }

  @Test func readsTheOtherTypes() throws {
    let room = try ChannelName.known("room:1")
    let id = RequestID(json: "5")
    let cases: [(String, Command)] = [
      (#"{"type":"unsubscribe","channel":"room:1","id":5}"#, .unsubscribe(channel: room, id: id)),
      (#"{"type":"unsubscribe","channel":"room:1"}"#, .unsubscribe(channel: room, id: nil)),
      (#"{"type":"presence","channel":"room:1","id":5}"#, .presence(channel: room, onlyCount: false, id: id)),
      (#"{"type":"presence","channel":"room:1","only":"count"}"#, .presence(channel: room, onlyCount: true, id: nil)),
      (#"{"type":"ping"}"#, .ping(id: nil)),
      (#"{"type":"ping","id":5}"#, .ping(id: id)),
      (#" { "id" : 5 , "type" : "ping" } "#, .ping(id: id)),
      (#"{"t\u0079pe":"\u0070ing","\u0069d":5}"#, .ping(id: id)),
    ]
    for (text, expected) in cases {
      #expect(try command(text) == expected, "\(text)")
    }
  }

  @Test(arguments: [
    "1.0e+2", "{}", "[]", "null", "true", "false", "0", "-0", "\"\"", #""\u00e9\/\ud800 é 漢 🐦""#,
    "{ \"a\" :\t[ 1,\n 2 ] }",
    #"{"a":1,"a":2}"#, "123456789012345678901234567890", #"{"type":"ping","id":[]}"#, "\"}\"",
  ])
  func dataIsGivenByteForByte(_ data: String) throws {
    for text in [
      #"{"type":"publish","channel":"room:1","data":\#(data),"id":4}"#,
      #"{"data":\#(data),"id":4,"channel":"room:1","type":"message"}"#,
      #"{"id":4,"channel":"room:1","type":"publish","data"  :  \#(data)  }"#,
    ] {
      let (command, found) = try publish(text)
      #expect(Array(found.utf8) == Array(data.utf8), "\(text)")
      #expect(command.id == RequestID(json: "4"))
      #expect(command.channel.string == "room:1")
      #expect(command.echo)
    }
  }

  @Test func readsEcho() throws {
    #expect(try !publish(#"{"type":"publish","channel":"a","data":1,"echo":false}"#).command.echo)
    #expect(try publish(#"{"type":"publish","channel":"a","data":1,"echo":true}"#).command.echo)
  }

  @Test(arguments: [
    "0", "-0", "1", "-1", "9223372036854775807", "-9223372036854775808", #""""#, #""a""#, #""a\"\n\u0041""#,
    #""\ud83d\udc26""#,
    "\"" + String(repeating: "x", count: 64) + "\"", "\"" + String(repeating: "\\u0041", count: 64) + "\"",
    "\"" + String(repeating: "é", count: 32) + "\"",
  ])
  func keepsTheIDAsItCame(_ id: String) throws {
    #expect(try command(#"{"type":"ping","id":\#(id)}"#) == .ping(id: RequestID(json: id)))
    #expect(try command(#"{"id": \#(id) ,"type":"ping"}"#) == .ping(id: RequestID(json: id)))
  }

  @Test(arguments: [
    (#""room:1""#, "room:1"), (#""\u0072oom\u003a1""#, "room:1"), (#""caf\u00e9""#, "café"),
    (#""e\u0301""#, "e\u{301}"),
    (#""\ud83d\udc26""#, "🐦"), (#""a\"b\\c\/d""#, "a\"b\\c/d"), (#""$system""#, "$system"),
    (#""комната:漢字:غرفة""#, "комната:漢字:غرفة"),
  ])
  func decodesEscapesInChannelNames(_ token: String, _ name: String) throws {
    let channel = try ChannelName.known(name)
    #expect(try command(#"{"type":"unsubscribe","channel":\#(token)}"#) == .unsubscribe(channel: channel, id: nil))
  }

  @Test func unknownMembersAreIgnored() throws {
    let text = #"""
      {"x":1,"type":"ping","x":{"type":"publish"},"since":[1],"key":null,"limit":"a","":0,"ID":{},"Type":1,"\ud800":1,
      "a member with a rather long name that is none of the known":true,"echo":"?","channel":7,"only":[],"id":5}
      """#
    #expect(try command(text) == .ping(id: RequestID(json: "5")))
  }

  @Test func membersOfOtherTypesAreIgnored() throws {
    let a = try ChannelName.known("a")
    let text = #"{"type":"unsubscribe","channel":"a","data":1,"presence":7,"info":{},"echo":7,"only":7}"#
    #expect(try command(text) == .unsubscribe(channel: a, id: nil))
  }

  @Test func infoMayHave1024Bytes() throws {
    let info = "\"" + String(repeating: "x", count: 1022) + "\""
    let text = #"{"type":"subscribe","channel":"a","presence":true,"info":\#(info)}"#
    let expected = SubscribeCommand(channel: try .known("a"), presence: .member, info: info)
    #expect(try command(text) == .subscribe(expected))
  }

  @Test func depthOf64Passes() throws {
    let data = String(repeating: "[", count: 63) + String(repeating: "]", count: 63)
    #expect(try publish(#"{"type":"publish","channel":"a","data":\#(data)}"#).data == data)
  }
}
