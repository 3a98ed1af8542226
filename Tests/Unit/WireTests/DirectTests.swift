import Model
import TestSupport
import Testing
import Wire

@Suite struct DirectTests {
  private func scan(_ text: String) -> Result<Command, Refusal> {
    withBytes(of: text, CommandScanner.scan)
  }

  // MARK: The command

  @Test(arguments: [
    (#""bob""#, "bob"), (#""b\u006fb""#, "bob"), (#""zoë müller""#, "zoë müller"), (#""a\"b\\c{}""#, "a\"b\\c{}"),
    (#""$system""#, "$system"), ("\"" + String(repeating: "x", count: 200) + "\"", String(repeating: "x", count: 200)),
  ])
  func readsSend(_ token: String, _ name: String) throws {
    let data = #"{ "a" : [1.0e+2] }"#
    for text in [
      #"{"type":"send","to":\#(token),"data":\#(data),"id":7}"#,
      #"{"data": \#(data) ,"id":7,"to":\#(token),"type":"send"}"#,
    ] {
      guard case .send(let command) = try scan(text).get() else {
        Issue.record("\(text) is something else")
        continue
      }
      #expect(command.user == user(name))
      #expect(command.id == RequestID(json: "7"))
      #expect(withBytes(of: text) { JSONScanner($0).text(command.data) } == data)
    }
  }

  @Test(arguments: [
    "", #","to":1"#, #","to":null"#, #","to":["bob"]"#, #","to":"""#, #","to":"a\nb""#, #","to":"\ud800""#,
    ",\"to\":\"" + String(repeating: "x", count: 201) + "\"", #","to":"a","to":"a""#,
  ])
  func sendToNobodyInParticular(_ members: String) {
    expectRefusal(#"{"type":"send","data":1,"id":7\#(members)}"#, mentions: "to")
  }

  @Test func sendWithoutData() {
    expectRefusal(#"{"type":"send","to":"bob","id":7}"#, mentions: "data")
    expectRefusal(#"{"type":"send","to":"bob","data":1,"data":2,"id":7}"#, mentions: "data")
  }

  private func expectRefusal(_ text: String, mentions word: String, at location: SourceLocation = #_sourceLocation) {
    guard case .failure(let refusal) = scan(text) else {
      Issue.record("accepted: \(text)", sourceLocation: location)
      return
    }
    #expect(refusal.code == .badRequest, sourceLocation: location)
    #expect(refusal.id?.json == "7", sourceLocation: location)
    #expect(refusal.message.contains(word), "\(refusal.message)", sourceLocation: location)
  }

  // MARK: Events

  private func event(_ head: [UInt8]) -> String {
    payload(EventEncoder.finish(head: head, offset: nil, timestamp: 1_730_000_000_123))
  }

  @Test func writesEvents() {
    let data = #"{ "a":1.0 }"#
    let (named, nobody, told) = withBytes(of: data) { data in
      (
        EventEncoder.directHead(from: user("al\"ice"), client: ClientID("c-7Qm4"), data: data),
        EventEncoder.directHead(from: nil, client: ClientID("c-7Qm4"), data: data),
        EventEncoder.notificationHead(data: data)
      )
    }
    let rest = #","client":"c-7Qm4","data":\#(data),"ts":1730000000123}"#
    #expect(event(named) == #"{"type":"direct","from":"al\"ice""# + rest)
    #expect(event(nobody) == #"{"type":"direct","from":null"# + rest)
    #expect(event(told) == #"{"type":"notification","data":\#(data),"ts":1730000000123}"#)
  }

  @Test func writesReplies() {
    #expect(
      payload(EventEncoder.sent(id: RequestID(json: "7"), online: true)) == #"{"type":"sent","id":7,"online":true}"#)
    #expect(payload(EventEncoder.sent(id: nil, online: false)) == #"{"type":"sent","online":false}"#)
  }

  // MARK: What nodes tell one another

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

  // MARK: Entries

  @Test func whoIsConnected() {
    var connection = OpenConnection(
      client: ClientID("c-1"), user: user("al\"ice"), address: "192.0.2.1", since: 1_730_000_000_123)
    let entry = ConnectionEntry.encode(connection)
    #expect(
      String(decoding: entry, as: UTF8.self) == #"{"user":"al\"ice","ip":"192.0.2.1","since":1730000000123}"#)
    #expect(entry.withUnsafeBytes(ConnectionEntry.user) == user("al\"ice"))
    connection.user = nil
    connection.address = nil
    let nobody = ConnectionEntry.encode(connection)
    #expect(String(decoding: nobody, as: UTF8.self) == #"{"user":null,"ip":null,"since":1730000000123}"#)
    for text in [String(decoding: nobody, as: UTF8.self), "", "x", "{}", #"{"user":1}"#, #"{"user":""}"#, "[]"] {
      #expect(withBytes(of: text, ConnectionEntry.user) == nil)
    }
  }

  // MARK: Bodies

  @Test(arguments: ["1", "null", #"{ "a" : 1.0 }"#, #""\ud800""#, "[]"])
  func dataOfABody(_ data: String) throws {
    for text in [#"{"data":\#(data)}"#, #" { "x":{"data":2},"d\u0061ta": \#(data) ,"x":1 } "#] {
      let range = try withBytes(of: text, MessageBody.data).get()
      #expect(withBytes(of: text) { JSONScanner($0).text(range) } == data)
    }
  }

  @Test(arguments: [
    "", "1", "[]", "{}", #"{"DATA":1}"#, #"{"data":1,"d\u0061ta":1}"#, #"{"data":}"#, #"{"data":1}x"#, "{",
  ])
  func bodiesWithout(_ text: String) {
    guard case .failure(let refusal) = withBytes(of: text, MessageBody.data) else {
      Issue.record("accepted: \(text)")
      return
    }
    #expect(refusal.code == .badRequest && refusal.message.hasSuffix("."))
  }

  @Test func bodiesThatAreNoUTF8() {
    let text = Array(#"{"data":""#.utf8) + [0xFF] + Array("\"}".utf8)
    guard case .failure = text.withUnsafeBytes(MessageBody.data) else {
      Issue.record("accepted")
      return
    }
  }
}
