import Protocol
import Testing

@testable import WebSocket

@Suite struct SubprotocolChoiceTests {
  @Test(
    arguments: [
      ([], nil, nil), (["apus.v1"], "apus.v1", nil), (["other", "apus.v1"], "apus.v1", nil),
      (["apus.v1", "auth.x.y.z"], "apus.v1", "x.y.z"), (["auth.a", "auth.b", "apus.v1"], "apus.v1", "a"),
      (["apus.v1", "auth."], "apus.v1", ""), (["apus.v1", "Auth.x"], "apus.v1", nil),
    ] as [([String], String?, String?)])
  func chosen(_ offered: [String], _ selected: String?, _ token: String?) throws {
    let choice = try SubprotocolChoice(offered: offered)
    #expect(choice.selected == selected)
    #expect(choice.token == token)
  }

  @Test(arguments: [["other"], ["auth.x.y.z"], ["APUS.V1"], ["apus.v2", "auth.x"], ["apus.v1x"]])
  func refused(_ offered: [String]) {
    let refusal = #expect(throws: HandshakeRefusal.self) { try SubprotocolChoice(offered: offered) }
    #expect(refusal?.status == 400)
  }
}
