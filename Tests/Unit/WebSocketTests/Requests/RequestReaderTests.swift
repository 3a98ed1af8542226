import TestSupport
import Testing

@testable import WebSocket

@Suite struct RequestReaderTests {
  /// What comes of a stream, its bodies put together; `incomplete` stands for nothing.
  private enum Seen: Equatable {
    case head(RequestHead)
    case body(String)
    case end
    case refused(Int)
  }

  /// Reads a whole stream given in pieces, on past the end of each request.
  private func read(_ pieces: [[UInt8]], maxBody: Int = 100) -> [Seen] {
    var reader = RequestReader(maxBody: maxBody)
    var seen: [Seen] = []
    for piece in pieces {
      var rest = piece[...]
      while true {
        let bytes = Array(rest)
        let (step, taken) = bytes.withUnsafeBytes { reader.read($0) }
        rest = rest.dropFirst(taken)
        switch step {
        case .incomplete:
          #expect(rest.isEmpty)
        case .head(let head): seen.append(.head(head))
        case .body(let range):
          let text = String(decoding: bytes[range], as: UTF8.self)
          if case .body(let before) = seen.last {
            seen[seen.count - 1] = .body(before + text)
          } else {
            seen.append(.body(text))
          }
        case .end: seen.append(.end)
        case .refused(let refusal): return seen + [.refused(refusal.status)]
        }
        if step == .incomplete { break }
      }
    }
    return seen
  }

  private func read(_ text: String) -> [Seen] {
    read([Array(text.utf8)])
  }

  private func head(_ text: String) throws -> RequestHead {
    guard case .head(let head) = try #require(read(text).first) else {
      throw Unexpected(seen: "\(read(text))")
    }
    return head
  }

  private struct Unexpected: Error {
    let seen: String
  }

  // MARK: Heads

  @Test func whatAHeadSays() throws {
    let head = try head("POST /a%20b?c=%zz HTTP/1.1\r\nHost: a:80\r\nX: 1\r\nx:\t2 \r\nContent-Length: 3\r\n\r\n")
    #expect(head.method == "POST")
    #expect(head.target == "/a%20b?c=%zz")
    #expect(head.authority == "a:80")
    #expect(head.fields.map { "\($0.name)=\($0.value)" } == ["X=1", "x=2", "Content-Length=3"])
    #expect(head.body == .length(3))
    #expect(!head.closes && !head.isToldToStay && !head.expectsContinue)
  }

  @Test(arguments: [
    ("http://b:81/x?y", "/x?y"), ("http://b:81", "/"), ("HTTP://b:81?y", "/?y"), ("/", "/"), ("//x", "//x"),
  ])
  func theTarget(_ sent: String, _ target: String) throws {
    let head = try head("GET \(sent) HTTP/1.1\r\nHost: a\r\n\r\n")
    #expect(head.target == target)
    #expect(head.authority == (sent.hasPrefix("/") ? "a" : "b:81"))
  }

  @Test(arguments: [
    ("1.1", "", false, false), ("1.1", "Connection: close\r\n", true, false),
    ("1.1", "connection: Foo ,\tCLOSE\r\n", true, false),
    ("1.1", "Connection: x\r\nConnection: close\r\n", true, false),
    ("1.1", "Connection: closed\r\n", false, false), ("1.1", "Connection: keep-alive\r\n", false, false),
    ("1.1", "Connection: keep-alive, close\r\n", true, false), ("1.9", "", false, false), ("1.0", "", true, false),
    ("1.0", "Connection: Keep-Alive\r\n", false, true), ("1.0", "Connection: keep-alive, close\r\n", true, false),
  ])
  func whetherTheConnectionStays(_ version: String, _ headers: String, _ closes: Bool, _ isTold: Bool) throws {
    let head = try head("GET / HTTP/\(version)\r\nHost: a\r\n\(headers)\r\n")
    #expect(head.closes == closes)
    #expect(head.isToldToStay == isTold)
  }

  @Test func aClientThatWaitsToBeAsked() throws {
    let length = "Content-Length: 1\r\n\r\n"
    #expect(try head("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\n" + length).expectsContinue)
    #expect(try !head("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n").expectsContinue, "it has no body")
    #expect(try !head("POST / HTTP/1.0\r\nHost: a\r\nExpect: 100-continue\r\n" + length).expectsContinue)
    #expect(try head("GET / HTTP/1.0\r\n\r\n").authority == nil)
  }

  static let refused: [(String, Int)] = [
    ("GET / HTTP/1.1\r\n\r\n", 400), ("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400),
    ("GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", 400), ("GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400),
    ("GET / HTTP/1.1\r\nHost:\r\n\r\n", 400), ("GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505),
    ("GET / HTTP/0.9\r\nHost: a\r\n\r\n", 505), ("GET / HTTP/1\r\nHost: a\r\n\r\n", 400),
    ("GET / http/1.1\r\nHost: a\r\n\r\n", 400), ("GET /\r\nHost: a\r\n\r\n", 400), ("GET\r\n\r\n", 400),
    ("GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400), ("GET / HTTP/1.1 \r\nHost: a\r\n\r\n", 400),
    ("GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n", 400), ("GET /%4 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ("GET * HTTP/1.1\r\nHost: a\r\n\r\n", 400), ("CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ("G(T / HTTP/1.1\r\nHost: a\r\n\r\n", 400), ("GET / HTTP/1.1\nHost: a\n\n", 400),
    ("GET / HTTP/1.1\r\nHost: a\r\n b: c\r\n\r\n", 400), ("GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400),
    ("GET / HTTP/1.1\r\nHost: a\r\nnothing\r\n\r\n", 400), ("GET / HTTP/1.1\r\nHost: a\u{0}\r\n\r\n", 400),
    ("GET / HTTP/1.1\r\nHost: a\r\nExpect: 200-ok\r\n\r\n", 417),
    ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
    ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501),
    ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n", 501),
    ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n", 400),
    ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n\r\n", 400),
    ("POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
    ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n", 400),
    ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n", 400),
    ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 1\r\n\r\n", 400),
    ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\n", 400),
    ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", 400),
    ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n", 400),
    ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 101\r\n\r\n", 413),
    ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551617\r\n\r\n", 413),
    ("GET /\(String(repeating: "x", count: 9000)) HTTP/1.1\r\nHost: a\r\n\r\n", 431),
    ("GET / HTTP/1.1\r\n" + String(repeating: "a:b\r\n", count: 101) + "\r\n", 431),
  ]

  @Test(arguments: refused)
  func aHeadThatIsRefused(_ text: String, _ status: Int) {
    #expect(read(text) == [.refused(status)])
    let before = "POST /first HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nxy"
    #expect(read(before + text).last == .refused(status), "as the first of a connection, as the second")
    #expect(read(Array((before + text).utf8).map { [$0] }).last == .refused(status), "byte by byte")
  }

  @Test func theRefusalOfAHeadRequestHasNoBody() {
    for text in ["HEAD / HTTP/1.1\r\n\r\n", "HEAD / HTTP/1.1\r\nHost: \u{1}"] {
      var reader = RequestReader(maxBody: 1)
      let (step, _) = Array(text.utf8).withUnsafeBytes { reader.read($0) }
      guard case .refused(let refusal) = step else {
        Issue.record("\(step)")
        continue
      }
      #expect(refusal.isWithoutBody)
    }
  }

  // MARK: Bodies

  private static let chunked = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n"

  /// However a stream is cut, the same comes of it.
  @Test(arguments: [
    ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello", "hello"),
    (chunked + "5\r\nhello\r\n0\r\n\r\n", "hello"),
    (chunked + "2\r\nhe\r\n03;a=\"b\"\r\nllo\r\n000\r\nX: y\r\nZ: \r\n\r\n", "hello"),
    (chunked + "5 ;x\r\nhello\r\n0\r\n\r\n", "hello"), (chunked + "0\r\n\r\n", ""),
    ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 000\r\n\r\n", ""), ("POST / HTTP/1.1\r\nHost: a\r\n\r\n", ""),
  ])
  func aBody(_ text: String, _ body: String) {
    let whole = Array(("\r\n" + text + text).utf8)
    let seen = read([whole])
    let one = body.isEmpty ? [Seen.end] : [.body(body), .end]
    #expect(seen.filter { if case .head = $0 { false } else { true } } == one + one)
    for cut in 1..<whole.count { #expect(read([Array(whole[..<cut]), Array(whole[cut...])]) == seen, "cut at \(cut)") }
    #expect(read(whole.map { [$0] }) == seen)
  }

  @Test(arguments: [
    ("65\r\n", 413), ("60\r\n\(String(repeating: "x", count: 96))\r\n5", 413), ("fffffffffffffffff", 413),
    ("\r\n", 400),
    ("x\r\n", 400), ("5\n", 400), ("5\r\nhello\n", 400), ("5\r\nhelloo\r\n", 400), ("5\rx", 400), (" 5\r\n", 400),
    ("-1\r\n", 400), ("0x5\r\n", 400),
    ("5 6\r\n", 400), ("5 x\r\n", 400), ("5 6;x\r\n", 400), ("5;\u{0}\r\n", 400),
    ("5;\(String(repeating: "x", count: 300))", 400),
    ("0\r\nX: \u{1}\r\n\r\n", 400), ("0\r\n\(String(repeating: "a: b\r\n", count: 2000))", 400), ("0\r\n\rx", 400),
    ("0\r\nx\r\n\r\n", 400), ("0\r\n: y\r\n\r\n", 400), ("0\r\nx y: z\r\n\r\n", 400), ("0\r\n x: y\r\n\r\n", 400),
  ])
  func chunksThatAreRefused(_ text: String, _ status: Int) {
    #expect(read(Self.chunked + text).last == .refused(status))
    #expect(read(Array((Self.chunked + text).utf8).map { [$0] }).last == .refused(status))
  }

  @Test func nothingIsReadPastTheEndOfARequest() {
    var reader = RequestReader(maxBody: 10)
    let first = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
    let stream = Array((first + "\u{0}").utf8)
    let (head, taken) = stream.withUnsafeBytes { reader.read($0) }
    guard case .head = head else {
      Issue.record("\(head)")
      return
    }
    #expect(taken == first.utf8.count)
    let (end, more) = stream[taken...].withUnsafeBytes { reader.read($0) }
    #expect(end == .end && more == 0)
  }

  @Test func noBytesMakeItFail() {
    for seed in 0..<2000 as Range<UInt64> {
      var random = SplitMix64(seed: seed)
      var bytes = Array((Self.chunked + "5\r\nhello\r\n0\r\n\r\n" + "GET / HTTP/1.1\r\nHost: a\r\n\r\n").utf8)
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
      }
      let whole = read([bytes])
      #expect(read(bytes.map { [$0] }) == whole, "seed \(seed)")
    }
  }
}
