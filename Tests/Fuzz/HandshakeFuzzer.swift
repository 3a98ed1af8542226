import Protocol
import WebSocket

/// The bytes a client begins with through `HandshakeParser`, `RequestLine.peek` and `RequestReader`.
///
/// Input: 1 byte that chooses the limits, 4 bytes lengths of pieces, and the request.
///
/// Oracles: byte by byte, whole and in pieces the outcome is the same; no more bytes are taken than the limits allow; what
/// is accepted keeps to RFC 6455 section 4.2.1 by a second look, taken as plainly as possible, and means the same; what
/// `peek` has decided stays so with more bytes, and is the path that is accepted in the end; no answer is split in two;
/// however requests are cut, the same comes of them, and what `peek` finds malformed is refused.
@_cdecl("LLVMFuzzerTestOneInput")
func fuzzHandshake(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  var input = FuzzInput(start, count: count)
  let limits = limits(input.byte())
  let lengths = input.bytes(4)
  let bytes = input.remaining()

  let (outcome, end) = feed(bytes.pieces([1]), limits)
  let head = Array(bytes[..<end])
  for pieces in [[head], head.pieces(lengths)] {
    let (again, taken) = feed(pieces, limits)
    expect(again == outcome && taken == end, "\(again) after \(taken) bytes instead of \(outcome) after \(end)")
  }
  if end < bytes.count {
    let (behind, _) = feed([bytes], limits)
    if case .request = outcome {
      expect(behind.status == 400, "bytes behind the request: \(behind)")
    } else {
      expect(behind == outcome, "\(behind) instead of \(outcome)")
    }
  }

  checkExtensions(bytes.prefix(300).split(separator: 10).map { text($0) })
  let path = checkPeek(bytes, lengths)
  checkRequests(bytes, lengths, path)
  switch outcome {
  case .incomplete: break
  case .refused(let refusal): checkAnswer(HandshakeResponse.refuse(refusal), status: refusal.status)
  case .request(let request):
    expect(path == .path(request.path), "peek says \(path), the request \(request.path)")
    checkRequest(request, head, limits)
    checkMeaning(of: request)
  }
  return 0
}

private func limits(_ choice: UInt8) -> HandshakeParser.Limits {
  guard choice >= 0x80 else { return HandshakeParser.Limits() }
  let (long, many) = (Int(choice & 0x07), Int(choice >> 3 & 0x0F))
  return HandshakeParser.Limits(maxHeadBytes: 100 + 50 * many, maxHeaders: many, maxLine: 20 + 20 * long)
}

extension HandshakeOutcome: Equatable {
  package static func == (left: HandshakeOutcome, right: HandshakeOutcome) -> Bool {
    switch (left, right) {
    case (.incomplete, .incomplete): true
    case (.request(let left), .request(let right)): left == right
    case (.refused(let left), .refused(let right)): left == right
    case (.incomplete, _), (.request, _), (.refused, _): false
    }
  }

  fileprivate var status: Int {
    switch self {
    case .incomplete: 0
    case .request: 101
    case .refused(let refusal): refusal.status
    }
  }
}

/// The outcome, and how many bytes were given until it was there.
private func feed(_ pieces: [[UInt8]], _ limits: HandshakeParser.Limits) -> (HandshakeOutcome, taken: Int) {
  var parser = HandshakeParser(limits: limits)
  var taken = 0
  for piece in pieces {
    let outcome = piece.withOwnMemory { parser.receive(UnsafeRawBufferPointer($0)) }
    taken += piece.count
    guard case .incomplete = outcome else { return (outcome, taken) }
    expect(taken <= limits.maxHeadBytes, "\(taken) bytes are held")
  }
  return (.incomplete, taken)
}

/// What the bytes are taken for in the end.
private func checkPeek(_ bytes: [UInt8], _ lengths: [UInt8]) -> RequestLine.Peek {
  func peek(_ count: Int) -> RequestLine.Peek {
    Array(bytes[..<count]).withOwnMemory { RequestLine.peek(UnsafeRawBufferPointer($0)) }
  }
  let last = peek(bytes.count)
  var decided: RequestLine.Peek?
  var ends = Array(0...min(bytes.count, 100))
  var end = 0
  for piece in bytes.pieces(lengths).prefix(64) {
    end += piece.count
    if end > 100 { ends.append(end) }
  }
  for end in ends {
    let found = peek(end)
    if let decided { expect(found == decided, "\(found) after \(end) bytes, \(decided) before") }
    if found != .undecided {
      decided = found
      expect(found == last, "\(found) after \(end) bytes, in the end \(last)")
    }
  }
  if case .path(let path) = last { expect(path.utf8.first == UInt8(ascii: "/"), "the path is \(path)") }
  return last
}

// MARK: A second look

private typealias Header = (name: String, value: String)

private func checkRequest(_ request: HandshakeRequest, _ head: [UInt8], _ limits: HandshakeParser.Limits) {
  expect(head.count <= limits.maxHeadBytes, "the head has \(head.count) bytes")
  expect(head.suffix(4) == [13, 10, 13, 10], "the head does not end in an empty line")
  expect(head.allSatisfy { $0 >= 32 && $0 != 127 || $0 == 9 || $0 == 10 || $0 == 13 }, "a control character")
  var lines = lines(head)
  while lines.first?.isEmpty == true { lines.removeFirst() }
  // What is behind the last line end, and the empty line.
  expect(lines.suffix(2).allSatisfy(\.isEmpty), "no end")
  lines.removeLast(2)
  expect(lines.allSatisfy { (1...limits.maxLine).contains($0.count) && !$0.contains(10) }, "a line is no line")
  expect(lines.count - 1 <= limits.maxHeaders, "\(lines.count - 1) headers")

  let words = text(lines.removeFirst()).split(separator: " ", omittingEmptySubsequences: false)
  expect(words.count == 3 && words[0] == "GET" && words[2].hasPrefix("HTTP/1.") && words[2] != "HTTP/1.0", "no GET")
  let headers = lines.map { line -> Header in
    let colon = line.firstIndex(of: UInt8(ascii: ":")) ?? 0
    expect(colon > 0 && line[..<colon].allSatisfy { $0 > 32 && $0 < 127 }, "a header has no name")
    return (text(line[..<colon]).lowercased(), trimmed(text(line[(colon + 1)...])))
  }
  func values(_ name: String) -> [String] { headers.filter { $0.name == name }.map(\.value) }
  func elements(_ name: String) -> [String] {
    values(name).flatMap { $0.utf8.split(separator: 0x2C).map { trimmed(text($0)) } }.filter { !$0.isEmpty }
  }

  expect(values("host").count == 1, "not one Host")
  expect(values("sec-websocket-version") == ["13"], "not version 13")
  expect(values("sec-websocket-key") == [request.key] && decodedCount(request.key) == 16, "not one key of 16 bytes")
  expect(elements("upgrade").contains { $0.lowercased() == "websocket" }, "no upgrade to a WebSocket")
  expect(elements("connection").contains { $0.lowercased() == "upgrade" }, "no upgrade of the connection")
  expect(values("transfer-encoding").isEmpty, "a body")
  expect(values("content-length").allSatisfy { !$0.isEmpty && Int($0) == 0 || $0.allSatisfy { $0 == "0" } }, "a body")
  expect([[], [request.origin ?? ""]].contains(values("origin")), "another Origin")
  expect(values("origin").isEmpty == (request.origin == nil), "another Origin")
  expect(elements("sec-websocket-protocol") == request.subprotocols, "other subprotocols")
  expect(values("sec-websocket-extensions") == request.extensions, "other extensions")
  expect(elements("x-forwarded-for") == request.forwardedFor, "other hops")
  expect(elements("x-forwarded-proto") == request.forwardedProto, "other protocols")

  checkTarget(String(words[1]), request, host: values("host").first ?? "")
}

/// RFC 9112 section 3.2: `/path?query`, or the same behind a scheme and a host, which then counts instead of Host.
private func checkTarget(_ target: String, _ request: HandshakeRequest, host: String) {
  var (location, host) = (target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)[0], host)
  if location.first != "/" {
    let parts = location.split(separator: "/", maxSplits: 3, omittingEmptySubsequences: false).map(String.init)
    let isAbsolute = parts.count > 2 && ["http:", "https:", "ws:", "wss:"].contains(parts[0].lowercased())
    expect(isAbsolute && parts[1].isEmpty, "\(target) is accepted")
    host = parts[2]
    location = "/" + (parts.count > 3 ? parts[3] : "")
  }
  expect(request.host == host, "the host \(request.host) of \(target)")
  expect(request.rawQuery.utf8.count == max(target.utf8.count - target.prefix { $0 != "?" }.utf8.count - 1, 0), "query")
  expect(target.hasSuffix(request.rawQuery), "the query \(request.rawQuery) of \(target)")

  var path: [UInt8] = []
  for (index, part) in location.split(separator: "%", omittingEmptySubsequences: false).enumerated() {
    let digits = index == 0 ? 0 : 2
    if index > 0 {
      let escape = UInt8(part.prefix(2), radix: 16)
      expect(escape != nil && part.prefix(2).allSatisfy(\.isHexDigit) && part.count > 1, "a broken escape in \(target)")
      path.append(escape ?? 0)
    }
    path += part.dropFirst(digits).utf8
  }
  expect(Array(request.path.utf8) == Array(text(path).utf8), "the path \(request.path) of \(target)")
}

private func lines(_ head: [UInt8]) -> [ArraySlice<UInt8>] {
  var lines: [ArraySlice<UInt8>] = []
  var start = 0
  for index in head.indices.dropLast() where head[index] == 13 && head[index + 1] == 10 {
    lines.append(head[start..<index])
    start = index + 2
  }
  return lines + [head[start...]]
}

private func text(_ bytes: some Collection<UInt8>) -> String { String(decoding: bytes, as: UTF8.self) }

private func trimmed(_ text: String) -> String {
  let isBlank = { (byte: UInt8) in byte == 32 || byte == 9 }
  return String(decoding: text.utf8.drop(while: isBlank).reversed().drop(while: isBlank).reversed(), as: UTF8.self)
}

/// How many bytes a text of base64 stands for; -1 where it is none, or has bits that mean nothing.
private func decodedCount(_ text: String) -> Int {
  let digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
  let data = text.prefix { $0 != "=" }
  let values = data.compactMap { digits.firstIndex(of: $0).map { digits.distance(from: digits.startIndex, to: $0) } }
  guard text.count % 4 == 0, values.count == data.count, text.count - data.count <= 2 else { return -1 }
  guard text.dropFirst(data.count).allSatisfy({ $0 == "=" }) else { return -1 }
  let unused = data.count * 6 % 8
  return (values.last ?? 0) & ((1 << unused) - 1) == 0 ? data.count * 6 / 8 : -1
}

// MARK: What is made of a request

private func checkMeaning(of request: HandshakeRequest) {
  for name in ["user", "token", "a", ""] { _ = try? request.query(name) }
  var subprotocol: String?
  if let choice = try? SubprotocolChoice(offered: request.subprotocols) {
    subprotocol = choice.selected
    expect(choice.selected.map { request.subprotocols.contains($0) } ?? request.subprotocols.isEmpty, "not offered")
  }
  if let deflate = checkExtensions(request.extensions) {
    checkAnswer(HandshakeResponse.accept(request, subprotocol: subprotocol, deflate: deflate), status: 101)
  }
  checkAnswer(HandshakeResponse.accept(request, subprotocol: subprotocol), status: 101)
  if request.key == "dGhlIHNhbXBsZSBub25jZQ==" {
    expect(WebSocketKey.accept(for: request.key) == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", "not the answer of RFC 6455")
  }
}

@discardableResult
private func checkExtensions(_ offers: [String]) -> PerMessageDeflate? {
  guard let deflate = try? PerMessageDeflate(offered: offers) else { return nil }
  expect([9, 15].contains(deflate.window.bits), "a window of \(deflate.window.bits) bits")
  for word in deflate.response.split(whereSeparator: { "; =".contains($0) }) where Int(word) == nil {
    // Ours is the wish to begin each message anew.
    let isAsked = word.hasSuffix("_no_context_takeover") || offers.contains { $0.utf8.contains(word.utf8) }
    expect(isAsked, "nobody has asked for \(word)")
  }
  return deflate
}

/// One head with nothing behind it but what its Content-Length tells.
private func checkAnswer(_ answer: [UInt8], status: Int) {
  expect(text(answer).hasPrefix("HTTP/1.1 \(status) "), "another status")
  let ends = answer.indices.filter { answer[$0...].starts(with: [13, 10, 13, 10]) }
  expect(ends.count == 1, "\(ends.count) ends of the head")
  let body = answer.count - (ends.first ?? 0) - 4
  expect(body == 0 || text(answer).contains("\r\nContent-Length: \(body)\r\n"), "another length than \(body)")
}

// MARK: Other requests

private func checkRequests(_ bytes: [UInt8], _ lengths: [UInt8], _ path: RequestLine.Peek) {
  let whole = requests([bytes])
  for pieces in [bytes.pieces([1]), bytes.pieces(lengths)] {
    let again = requests(pieces)
    expect(again == whole, "\(again) instead of \(whole)")
  }
  if path == .malformed { expect(!whole.contains("end"), "\(whole)") }
}

/// What comes of a stream of requests, their bodies in one piece each.
private func requests(_ pieces: [[UInt8]]) -> [String] {
  var reader = RequestReader(maxBody: 1000)
  var seen: [String] = []
  var body: [UInt8] = []
  for piece in pieces {
    var rest = piece
    while true {
      let (step, taken) = rest.withOwnMemory { reader.read(UnsafeRawBufferPointer($0)) }
      expect(taken <= rest.count, "\(taken) of \(rest.count) bytes")
      switch step {
      case .incomplete: expect(taken == rest.count, "bytes are left")
      case .head(let head): seen.append("\(head)")
      case .body(let range):
        expect(!range.isEmpty && range.upperBound <= taken, "\(range) of \(taken) bytes")
        body += rest[range]
        expect(body.count <= 1000, "a body of \(body.count) bytes")
      case .end:
        seen += [text(body), "end"]
        body = []
      case .refused(let refusal): return seen + ["refused \(refusal.status)"]
      }
      rest.removeFirst(taken)
      if step == .incomplete { break }
    }
  }
  return seen
}
