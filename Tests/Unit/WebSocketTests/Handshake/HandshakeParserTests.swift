import TestSupport
import Testing

@testable import WebSocket

@Suite struct HandshakeParserTests {
  @Test func goodRequestHoweverItIsCut() throws {
    let raw = RawHandshake(
      "GET /ws?token=a.b&user=al%20ice HTTP/1.1",
      adding: [
        "Origin: http://example.org", "sec-websocket-protocol: apus.v1 ,auth.x.y.z", "Sec-WebSocket-Protocol: other",
        "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits", "X-Forwarded-For: 10.0.0.1, 10.0.0.2",
        "x-forwarded-for:10.0.0.3", "X-Forwarded-Proto: http, https", "User-Agent: a test", "Empty:",
      ])
    let bytes = Array(raw.text.utf8)
    let request = try #require(HandshakeParser.outcome(of: raw.text).request)
    #expect(request.path == "/ws")
    #expect(request.rawQuery == "token=a.b&user=al%20ice")
    #expect(request.host == "example.org:8080")
    #expect(request.origin == "http://example.org")
    #expect(request.key == "dGhlIHNhbXBsZSBub25jZQ==")
    #expect(request.subprotocols == ["apus.v1", "auth.x.y.z", "other"])
    #expect(request.extensions == ["permessage-deflate; client_max_window_bits"])
    #expect(request.forwardedFor == ["10.0.0.1", "10.0.0.2", "10.0.0.3"])
    #expect(request.forwardedProto == ["http", "https"])

    #expect(HandshakeParser.outcome(of: bytes.map { [$0] }).request == request)
    for cut in 0...bytes.count {
      let pieces = [Array(bytes[..<cut]), Array(bytes[cut...])]
      #expect(HandshakeParser.outcome(of: pieces).request == request, "cut at \(cut)")
    }
    for count in 0..<bytes.count {
      #expect(HandshakeParser.outcome(of: [Array(bytes[..<count])]).status == 0, "\(count) bytes")
    }
  }

  @Test func leastRequest() throws {
    let request = try #require(HandshakeParser.outcome(of: RawHandshake().text).request)
    #expect(request.rawQuery == "")
    #expect(request.origin == nil)
    #expect(request.subprotocols == [])
    #expect(request.extensions == [])
    #expect(request.forwardedFor == [])
    #expect(request.forwardedProto == [])
  }

  @Test(arguments: [
    RawHandshake(adding: ["upgrade: h2c, WebSocket"], without: ["Upgrade"]),
    RawHandshake(adding: ["Upgrade: h2c"]),
    RawHandshake(adding: ["CONNECTION: keep-alive", "connection: foo,\tUPGRADE ,"], without: ["Connection"]),
    RawHandshake(adding: ["Host:\t[::1]:80  "], without: ["Host"]),
    RawHandshake(adding: ["Host: localhost"], without: ["Host"]),
    RawHandshake(adding: ["Host: a_b.example:"], without: ["Host"]),
    RawHandshake(adding: ["Content-Length: 0"]),
    RawHandshake(adding: ["X-Text: caf\u{E9}"]),
    RawHandshake("GET /ws HTTP/1.2"),
    RawHandshake("\r\n\r\nGET /ws HTTP/1.1"),
    RawHandshake("GET /ws?a={b}|c HTTP/1.1"),
  ])
  func accepted(_ raw: RawHandshake) {
    expect(raw, 101)
  }

  @Test(arguments: [
    "GET /ws", "GET /ws ", "GET  /ws HTTP/1.1", "GET /ws  HTTP/1.1", "GET /ws HTTP/1.1 ", " GET /ws HTTP/1.1",
    "GET\t/ws HTTP/1.1", "G(T /ws HTTP/1.1", "GET /ws HTTP/1.0", "GET /ws http/1.1", "GET /ws HTTP/11",
    "GET /ws HTTP/1.1.1",
    "GET /ws HTTX/1.1", "GET /ws HTTP/1.x", "GET * HTTP/1.1", "GET ws HTTP/1.1", "GET example.org:80 HTTP/1.1",
    "GET /ws#part HTTP/1.1", "GET /w\u{E9} HTTP/1.1", "GET ftp://example.org/ws HTTP/1.1", "GET http:/ws HTTP/1.1",
    "GET http:///ws HTTP/1.1", "GET http://user@example.org/ws HTTP/1.1",
  ])
  func malformedRequestLine(_ line: String) {
    expect(RawHandshake(line), 400)
  }

  @Test(arguments: ["POST", "HEAD", "OPTIONS", "get", "CONNECT"])
  func method(_ method: String) {
    let refusal = expect(RawHandshake(method + " /ws HTTP/1.1"), 405)
    #expect(refusal?.headers == [.init("Allow", "GET")])
  }

  @Test func otherMajorVersions() {
    expect(RawHandshake("GET /ws HTTP/2.0"), 505)
    expect(RawHandshake("GET /ws HTTP/0.9"), 505)
    #expect(HandshakeParser.outcome(of: "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").status == 505)
  }

  @Test(arguments: [
    ("http://other.example:81/ws?a=b", "/ws", "other.example:81"), ("HTTPS://other.example", "/", "other.example"),
    ("ws://[::1]/", "/", "[::1]"), ("wss://a/b/c", "/b/c", "a"), ("http://a?b", "/", "a"),
  ])
  func absoluteForm(_ target: String, _ path: String, _ host: String) throws {
    let request = try #require(HandshakeParser.outcome(of: RawHandshake("GET \(target) HTTP/1.1").text).request)
    #expect(request.path == path)
    #expect(request.host == host)
  }

  @Test(arguments: [
    "Folded: a\r\n b", "Folded: a\r\n\tb", "Space : a", "Space\t: a", ": a", "NoColon", "Na(me: a", "N\u{E9}me: a",
    "Bare: a\nb", "Bare: a\rb", "Nul: a\0b", "Control: a\u{01}b", "Delete: a\u{7F}b",
    "Content-Length: 1", "Content-Length: 0, 1", "Content-Length: x", "Content-Length:", "Transfer-Encoding: chunked",
    "Transfer-Encoding: identity", "Host: example.org:8080", "Origin: http://a\r\nOrigin: http://a",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Protocol: a b",
    "Sec-WebSocket-Protocol: a, (b)", "Sec-WebSocket-Protocol:", "Sec-WebSocket-Protocol: ,",
  ])
  func malformedHeader(_ header: String) {
    expect(RawHandshake(adding: [header]), 400)
  }

  @Test(
    arguments: [
      ("Host", []), ("Host", ["Host:"]), ("Host", ["Host: a/b"]), ("Host", ["Host: user@a"]), ("Host", ["Host: a:b"]),
      ("Host", ["Host: :80"]), ("Host", ["Host: [::1"]), ("Host", ["Host: [::1]80"]), ("Host", ["Host: a, b c"]),
      ("Upgrade", []), ("Upgrade", ["Upgrade: h2c"]), ("Upgrade", ["Upgrade: websockets"]),
      ("Connection", []), ("Connection", ["Connection: keep-alive"]), ("Connection", ["Connection: no-upgrade"]),
      ("Sec-WebSocket-Key", []), ("Sec-WebSocket-Key", ["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ="]),
    ] as [(String, [String])])
  func missingOrWrong(_ name: String, _ instead: [String]) {
    expect(RawHandshake(adding: instead, without: [name]), 400)
  }

  @Test(arguments: [[], ["12"], ["8"], ["013"], ["13, 8"], [""]])
  func version(_ versions: [String]) {
    let added = versions.map { "Sec-WebSocket-Version: " + $0 }
    let refusal = expect(RawHandshake(adding: added, without: ["Sec-WebSocket-Version"]), 426)
    #expect(refusal?.headers.first == .init("Sec-WebSocket-Version", "13"))
  }

  @Test func bytesBehindTheRequest() {
    let text = RawHandshake().text
    #expect(HandshakeParser.outcome(of: text + "x").status == 400)
    #expect(HandshakeParser.outcome(of: [Array(text.utf8.dropLast()), Array("\nx".utf8)]).status == 400)
  }

  // MARK: Limits

  @Test func headSize() {
    let text = RawHandshake(adding: ["Filler: " + String(repeating: "x", count: 1000)]).text
    let count = text.utf8.count
    #expect(HandshakeParser.outcome(of: text, limits: .init(maxHeadBytes: count)).status == 101)
    #expect(HandshakeParser.outcome(of: text, limits: .init(maxHeadBytes: count - 1)).status == 431)
    let endless = String(repeating: "\r\n", count: 10_000)
    #expect(HandshakeParser.outcome(of: endless).status == 431)
  }

  @Test func numberOfHeaders() {
    let text = RawHandshake(adding: (0..<95).map { "X-\($0): a" }).text
    #expect(HandshakeParser.outcome(of: text).status == 101)
    #expect(HandshakeParser.outcome(of: text, limits: .init(maxHeaders: 99)).status == 431)
  }

  @Test func lineLength() {
    let longest = "Filler: " + String(repeating: "x", count: 8192 - 8)
    expect(RawHandshake(adding: [longest]), 101)
    expect(RawHandshake(adding: [longest + "x"]), 431)
    let line = "GET /" + String(repeating: "x", count: 8192 - 14) + " HTTP/1.1"
    expect(RawHandshake(line), 101)
    expect(RawHandshake(line + "x"), 431)
  }

  @Test func aHeadThatGoesWrongIsRefusedBeforeItEnds() {
    #expect(HandshakeParser.outcome(of: "GET /ws HTTP/1.1\n").status == 400)
    #expect(HandshakeParser.outcome(of: "\u{16}\u{03}\u{01}").status == 400)
    #expect(HandshakeParser.outcome(of: String(repeating: "x", count: 8193)).status == 431)
    let long = String(repeating: "x", count: 101)
    #expect(HandshakeParser.outcome(of: String(long.dropLast()), limits: .init(maxHeadBytes: 100)).status == 0)
    #expect(HandshakeParser.outcome(of: long, limits: .init(maxHeadBytes: 100)).status == 431)
  }

  @Test(arguments: 0..<300 as Range<UInt64>)
  func damagedRequestsAreJudgedAlikeHoweverCut(_ seed: UInt64) {
    var generator = SplitMix64(seed: seed)
    var bytes = Array(RawHandshake(adding: ["Origin: http://a", "Sec-WebSocket-Protocol: apus.v1"]).text.utf8)
    for _ in 0..<Int.random(in: 1...3, using: &generator) {
      let index = Int.random(in: 0..<bytes.count, using: &generator)
      switch Int.random(in: 0..<3, using: &generator) {
      case 0: bytes[index] = UInt8.random(in: 0...255, using: &generator)
      case 1: bytes.remove(at: index)
      default: bytes.insert(bytes[index], at: index)
      }
    }
    // Bytes behind the head can only be seen when they come with it.
    let head = Self.upToEmptyLine(bytes)
    let whole = HandshakeParser.outcome(of: [head])
    let cut = HandshakeParser.outcome(of: generator.cut(head, longest: 9))
    #expect(whole.status == cut.status)
    #expect(whole.request == cut.request)
    #expect(whole.refusal == cut.refusal)
  }

  private static func upToEmptyLine(_ bytes: [UInt8]) -> [UInt8] {
    let end = bytes.indices.first { bytes[...$0].suffix(4).elementsEqual("\r\n\r\n".utf8) }
    return end.map { Array(bytes[...$0]) } ?? bytes
  }

  /// Judges `raw` whole and byte by byte.
  @discardableResult
  private func expect(
    _ raw: RawHandshake, _ status: Int, sourceLocation: SourceLocation = #_sourceLocation
  ) -> HandshakeRefusal? {
    let bytes = Array(raw.text.utf8)
    let outcome = HandshakeParser.outcome(of: [bytes])
    #expect(outcome.status == status, "\(raw.text)", sourceLocation: sourceLocation)
    #expect(HandshakeParser.outcome(of: bytes.map { [$0] }).status == status, sourceLocation: sourceLocation)
    return outcome.refusal
  }
}
