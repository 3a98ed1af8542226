import JSON
import Model
import Protocol
import Testing

@Suite struct CommandEncoderTests {
  @Test func commandsAreWrittenInOneOrder() {
    #expect(
      CommandEncoder.subscribe(
        "a\"b", id: 1, presence: .member, info: "[1]", since: .position(StreamPosition(epoch: "x", offset: 2)))
        == #"{"type":"subscribe","id":1,"channel":"a\"b","presence":true,"info":[1],"since":{"epoch":"x","offset":2}}"#)
    #expect(CommandEncoder.unsubscribe("r", id: 2) == #"{"type":"unsubscribe","id":2,"channel":"r"}"#)
    #expect(
      CommandEncoder.publish("{}", to: "r", id: nil, echo: false)
        == #"{"type":"publish","channel":"r","echo":false,"data":{}}"#)
    #expect(
      CommandEncoder.presence("r", id: 3, onlyCount: true)
        == #"{"type":"presence","id":3,"channel":"r","only":"count"}"#)
    #expect(CommandEncoder.authenticate("a.b-c_", id: 4) == #"{"type":"auth","id":4,"token":"a.b-c_"}"#)
  }

  @Test func whateverTheTokenItStaysOneString() {
    let text = CommandEncoder.authenticate(#"x","id":9,"y":""#, id: 4)
    #expect(JSONObject(text)?.string("token") == #"x","id":9,"y":""#)
    #expect(JSONObject(text)?.integer("id") == 4)
  }
}
