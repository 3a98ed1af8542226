import Testing

@testable import WebSocket

@Suite struct HandshakeRequestTests {
  private func query(_ name: String, in rawQuery: String) throws -> String? {
    try HandshakeRequest(
      path: "/ws", rawQuery: rawQuery, host: "a", origin: nil, key: "", subprotocols: [], extensions: [],
      forwardedFor: [], forwardedProto: []
    ).query(name)
  }

  @Test func parametersAreFoundByName() throws {
    #expect(try query("b", in: "a=1&b=2&b=3") == "2")
    #expect(try query("c", in: "a=1&b=2") == nil)
    #expect(try query("a", in: "") == nil)
    #expect(try query("a", in: "a") == "")
    #expect(try query("a", in: "&&a=") == "")
    #expect(try query("a", in: "a=b=c") == "b=c")
    #expect(try query("a b", in: "a+b=1") == "1")
    #expect(try query("aa", in: "a=1&%61a=2") == "2")
  }

  @Test func valuesAreDecoded() throws {
    #expect(try query("a", in: "a=x+y%2B%20z") == "x y+ z")
    #expect(try query("a", in: "a=%E2%82%ac") == "€")
    #expect(try query("a", in: "a=%") == "%")
    #expect(try query("a", in: "a=%4") == "%4")
    #expect(try query("a", in: "a=%4G%41") == "%4GA")
    #expect(throws: HandshakeRefusal.self) { try query("a", in: "a=%FF") }
    #expect(try query("b", in: "a=%FF&b=1") == "1")
    #expect(try query("a", in: "a=1&b=%26c%3D3") == "1")
    #expect(try query("c", in: "a=1&b=%26c%3D3") == nil)
  }
}
