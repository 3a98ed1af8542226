import Foundation
import Testing

@testable import ApusClient

@Suite struct ClientHandshakeTests {
  private func request(token: String?) throws -> [String] {
    let handshake = ClientHandshake(nonce: Array(0..<16))
    let bytes = handshake.request(try ClientURL("ws://node:81/ws?x=1"), token: try token.map(ClientToken.init))
    return String(decoding: bytes, as: UTF8.self).split(separator: "\r\n").map(String.init)
  }

  @Test func theTokenIsASubprotocol() throws {
    let lines = try request(token: "aA0-_.b.c")
    #expect(lines.contains("Sec-WebSocket-Protocol: apus.v1, auth.aA0-_.b.c"))
    #expect(lines.first == "GET /ws?x=1 HTTP/1.1", "and stands in no log")
  }

  @Test func withoutATokenThereIsOneSubprotocol() throws {
    #expect(try request(token: nil).contains("Sec-WebSocket-Protocol: apus.v1"))
  }

  @Test(arguments: ["", " ", "a b", "a\r\nX-Forwarded-For: 1.2.3.4", "a,apus.v2", "a=", "ä", "a\u{0}"])
  func whatIsNoTokenIsRefused(_ text: String) {
    #expect(throws: ApusClientError.self) { try ClientToken(text) }
  }
}
