import JSON
import Model
import Protocol
import TestSupport
import Testing

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

  private func event(_ event: DirectEvent) -> String {
    Interchange.direct(event, timestamp: 1_730_000_000_123).string
  }

  @Test func writesEvents() {
    let data = #"{ "a":1.0 }"#
    let named = DirectEvent.direct(from: user("al\"ice"), client: ClientID("c-7Qm4"), data: Array(data.utf8))
    let nobody = DirectEvent.direct(from: nil, client: ClientID("c-7Qm4"), data: Array(data.utf8))
    let told = DirectEvent.notification(data: Array(data.utf8))
    let rest = #","client":"c-7Qm4","data":\#(data),"ts":1730000000123}"#
    #expect(event(named) == #"{"type":"direct","from":"al\"ice""# + rest)
    #expect(event(nobody) == #"{"type":"direct","from":null"# + rest)
    #expect(event(told) == #"{"type":"notification","data":\#(data),"ts":1730000000123}"#)
  }

  @Test func writesReplies() {
    #expect(
      payload(ApusCodec.frame(of: .sent(id: RequestID(json: "7"), online: true)))
        == #"{"type":"sent","id":7,"online":true}"#)
    #expect(
      payload(ApusCodec.frame(of: .sent(id: RequestID(json: "8"), online: false)))
        == #"{"type":"sent","id":8,"online":false}"#)
  }
}
