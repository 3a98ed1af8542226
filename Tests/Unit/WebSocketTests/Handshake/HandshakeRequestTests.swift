import Testing

@testable import WebSocket

@Suite struct HandshakeRequestTests {
  private func query(_ name: String, in rawQuery: String) -> String? {
    HandshakeRequest(
      path: "/ws", rawQuery: rawQuery, host: "a", origin: nil, key: "", subprotocols: [], extensions: [],
      forwardedFor: []
    ).query(name)
  }

  @Test func parametersAreFoundByName() {
    #expect(query("b", in: "a=1&b=2&b=3") == "2")
    #expect(query("c", in: "a=1&b=2") == nil)
    #expect(query("a", in: "") == nil)
    #expect(query("a", in: "a") == "")
    #expect(query("a", in: "&&a=") == "")
    #expect(query("a", in: "a=b=c") == "b=c")
    #expect(query("a b", in: "a+b=1") == "1")
    #expect(query("aa", in: "a=1&%61a=2") == "2")
  }

  @Test func valuesAreDecoded() {
    #expect(query("a", in: "a=x+y%2B%20z") == "x y+ z")
    #expect(query("a", in: "a=%E2%82%ac") == "€")
    #expect(query("a", in: "a=%") == "%")
    #expect(query("a", in: "a=%4") == "%4")
    #expect(query("a", in: "a=%4G%41") == "%4GA")
    #expect(query("a", in: "a=%FF") == "\u{FFFD}")
    #expect(query("a", in: "a=1&b=%26c%3D3") == "1")
    #expect(query("c", in: "a=1&b=%26c%3D3") == nil)
  }
}
