import Testing

@testable import WebSocket

@Suite struct HandshakeResponseTests {
  /// RFC 6455 section 1.3.
  @Test func accept() throws {
    let request = try #require(HandshakeParser.outcome(of: RawHandshake().text).request)
    let head =
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      + "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
    #expect(text(HandshakeResponse.accept(request, subprotocol: nil)) == head + "\r\n")
    #expect(
      text(HandshakeResponse.accept(request, subprotocol: "apus.v1")) == head
        + "Sec-WebSocket-Protocol: apus.v1\r\n\r\n")
  }

  @Test func refusal() {
    #expect(
      text(HandshakeResponse.refuse(.full(retryAfter: 7))) == """
        HTTP/1.1 503 Service Unavailable\r
        Retry-After: 7\r
        Content-Type: application/json; charset=utf-8\r
        Cache-Control: no-store\r
        Content-Length: 51\r
        Connection: close\r
        \r
        {"code":"unavailable","error":"This node is full."}
        """)
  }

  @Test(
    arguments: [
      (.badRequest("No."), "400 Bad Request", []), (.forbiddenOrigin("No."), "403 Forbidden", []),
      (.notFound, "404 Not Found", []),
      (.methodNotAllowed(isHead: false), "405 Method Not Allowed", ["Allow: GET"]),
      (.unsupportedVersion, "426 Upgrade Required", ["Sec-WebSocket-Version: 13", "Connection: close, Upgrade"]),
      (.tooManyRequests(retryAfter: 1), "429 Too Many Requests", ["Retry-After: 1"]),
      (.headTooLarge("Long."), "431 Request Header Fields Too Large", []),
      (.draining(retryAfter: 2), "503 Service Unavailable", ["Retry-After: 2"]),
      (.unsupportedHTTPVersion, "505 HTTP Version Not Supported", []),
    ] as [(HandshakeRefusal, String, [String])])
  func statuses(_ refusal: HandshakeRefusal, _ status: String, _ headers: [String]) {
    let parts = text(HandshakeResponse.refuse(refusal)).split(separator: "\r\n\r\n", maxSplits: 1)
    let lines = parts[0].split(separator: "\r\n").map(String.init)
    #expect(lines[0] == "HTTP/1.1 " + status)
    #expect(Set(headers).isSubset(of: lines))
    #expect(lines.contains { $0.hasPrefix("Connection: close") })
    #expect(lines.contains("Content-Length: \(parts[1].utf8.count)"))
    #expect(parts[1] == #"{"code":"\#(refusal.code)","error":"\#(refusal.reason)"}"#)
  }

  @Test func aReasonIsAJSONString() {
    let answer = text(HandshakeResponse.refuse(.badRequest("A \"b\" \\ c\nd")))
    #expect(answer.hasSuffix(#"{"code":"bad_request","error":"A \"b\" \\ c d"}"#))
  }

  @Test func theAnswerToHeadHasNoBody() {
    let answer = text(HandshakeResponse.refuse(.methodNotAllowed(isHead: true)))
    #expect(answer.hasSuffix("Connection: close\r\n\r\n"))
  }

  private func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
}
