import Testing

@testable import WebSocket

@Suite struct RequestLineTests {
  @Test(arguments: [
    ("GET / HTTP/1.1\r\n\r\n", true), ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", true), ("GET / HTTP/1.1\n\n", true),
    ("\r\n\r\nGET / HTTP/1.1\r\n\r\nbody", true), ("GET / HTTP/1.1\r\nHost: a\r\n\r", false),
    ("GET / HTTP/1.1\r\n", false), ("\r\n\r\n", false), ("", false), ("\r\n\r\nGET / HTTP/1.1\r\n", false),
  ])
  func theEndOfAHead(_ text: String, _ isComplete: Bool) {
    #expect(Array(text.utf8).withUnsafeBytes { RequestLine.isHeadComplete($0) } == isComplete)
  }

  private func peek(_ text: String) -> RequestLine.Peek {
    Array(text.utf8).withUnsafeBytes { RequestLine.peek($0) }
  }

  /// Each is decided by its last byte and undecided before it.
  @Test(arguments: [
    ("GET /ws ", "/ws"), ("GET /ws?", "/ws"), ("GET /ws\r", "/ws"), ("GET /ws\n", "/ws"), ("GET / ", "/"),
    ("POST /api/publish ", "/api/publish"), ("\r\n\r\nGET /ws ", "/ws"), ("GET http://example.org/ws ", "/ws"),
    ("GET http://example.org:80?", "/"), ("GET HTTP://example.org ", "/"), ("GET wss://a/b/c?", "/b/c"),
    ("GET /%77s ", "/ws"), ("GET /%2577s ", "/%77s"), ("GET //ws ", "//ws"),
    ("ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEF / ", "/"),
  ])
  func decided(_ text: String, _ path: String) {
    #expect(peek(text) == .path(path))
    #expect(peek(text + "anything\0") == .path(path))
    for count in 0..<text.utf8.count {
      #expect(peek(String(decoding: text.utf8.prefix(count), as: UTF8.self)) == .undecided, "\(count) bytes")
    }
  }

  @Test(arguments: [
    "\u{16}\u{03}\u{01}", "\n", "\rG", " ", "GET\t", "GET\r", "GET  ", "GET \r", "G(",
    "ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFG",
    "GET *", "GET ?", "GET #", "GET /ws#", "GET /ws\t", "GET /\0", "GET /\u{E9}", "GET ftp://a/ ", "GET a:80 ",
    "GET http:/a ",
    "PRI * HTTP/2.0\r\n",
  ])
  func malformed(_ text: String) {
    #expect(peek(text) == .malformed)
    #expect(peek(text + " /ws HTTP/1.1\r\n") == .malformed)
  }

  @Test func nothingIsDecidedForNothing() {
    #expect(RequestLine.peek(UnsafeRawBufferPointer(start: nil, count: 0)) == .undecided)
  }
}
