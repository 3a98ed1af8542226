/// The first line of a request: RFC 9112 section 3.
package enum RequestLine {
  /// What the first bytes of a connection tell of the path.
  package enum Peek: Equatable, Sendable {
    /// More bytes are needed: the path may go on.
    case undecided
    /// The path of the target, as sent, without the query.
    case path(String)
    /// These bytes begin no request.
    case malformed
  }

  /// The longest method, in bytes.
  private static let maxMethod = 32

  /// Looks at the first bytes of a connection, which stay unread, for the path of the request.
  ///
  /// It is decided by what ends it: `?`, a space or a line end.
  package static func peek(_ bytes: UnsafeRawBufferPointer) -> Peek {
    var line = bytes
    while line.first == .carriageReturn {
      guard line.count >= 2 else { return .undecided }
      guard line[1] == .lineFeed else { return .malformed }
      line = line.slice(2...)
    }
    let start = line.prefix(maxMethod + 1)
    guard let space = start.firstIndex(where: { !$0.isTokenCharacter }) else {
      return start.count > maxMethod ? .malformed : .undecided
    }
    guard space > 0, line[space] == .space else { return .malformed }

    let target = line.slice((space + 1)...)
    let end = target.firstIndex { $0 == UInt8(ascii: "?") || !RequestTarget.mayContain($0) }
    guard let first = target.first else { return .undecided }
    guard first == UInt8(ascii: "/") || first.isLetter else { return .malformed }
    guard let end else { return .undecided }
    switch target[end] {
    case UInt8(ascii: "?"), .space, .carriageReturn, .lineFeed:
      guard let parsed = RequestTarget(target.slice(..<end)) else { return .malformed }
      return .path(parsed.path)
    default:
      return .malformed
    }
  }

  /// What is told to bytes that begin no request.
  static let malformed = HandshakeRefusal.badRequest(
    "This is not an HTTP request: it must begin with a method, a path (% needs two hex digits) and HTTP/1.1.")

  /// The answer to the first bytes of a connection that `peek` finds malformed.
  package static func refusal(of bytes: UnsafeRawBufferPointer) -> HandshakeRefusal {
    var refusal = malformed
    refusal.isWithoutBody = isHead(bytes)
    return refusal
  }

  /// Whether the request is a HEAD, whose answer has no body (RFC 9110 section 9.3.2).
  package static func isHead(_ bytes: UnsafeRawBufferPointer) -> Bool {
    bytes.drop { $0 == .carriageReturn || $0 == .lineFeed }.starts(with: "HEAD ".utf8)
  }

  /// Whether the empty line at the end of a request's head is among the bytes, whichever line ends the client uses.
  package static func isHeadComplete(_ bytes: UnsafeRawBufferPointer) -> Bool {
    guard let start = bytes.firstIndex(where: { $0 != .carriageReturn && $0 != .lineFeed }) else { return false }
    var isLineEmpty = false
    for byte in bytes.slice(start...) {
      switch byte {
      case .lineFeed where isLineEmpty: return true
      case .lineFeed: isLineEmpty = true
      case .carriageReturn: break
      default: isLineEmpty = false
      }
    }
    return false
  }

  /// A whole request line that is not a handshake's.
  struct Parsed {
    let method: UnsafeRawBufferPointer
    let target: RequestTarget
    /// Whether it speaks HTTP/1.0.
    let isOld: Bool
  }

  /// Reads a whole request line, of which `peek` says the same.
  static func parse(_ line: UnsafeRawBufferPointer) throws(HandshakeRefusal) -> Parsed {
    let parts = line.split(separator: .space, omittingEmptySubsequences: false).map(
      UnsafeRawBufferPointer.init(rebasing:))
    guard parts.count == 3, parts[0].isToken, parts[0].count <= maxMethod, let target = RequestTarget(parts[1]) else {
      throw malformed
    }
    return Parsed(method: parts[0], target: target, isOld: try version(parts[2]) == 0)
  }

  /// The target of a handshake's whole request line.
  static func target(of line: UnsafeRawBufferPointer) throws(HandshakeRefusal) -> RequestTarget {
    let parts = line.split(separator: .space, omittingEmptySubsequences: false)
    guard parts.count == 3 else { throw .badRequest("The request line is malformed.") }
    let method = UnsafeRawBufferPointer(rebasing: parts[0])
    guard method.isToken else { throw .badRequest("The method is malformed.") }
    try check(version: UnsafeRawBufferPointer(rebasing: parts[2]))
    guard method.elementsEqual("GET".utf8) else {
      throw .methodNotAllowed(isHead: method.elementsEqual("HEAD".utf8))
    }
    guard let target = RequestTarget(UnsafeRawBufferPointer(rebasing: parts[1])) else {
      throw .badRequest("The request target is malformed.")
    }
    return target
  }

  private static func check(version: UnsafeRawBufferPointer) throws(HandshakeRefusal) {
    guard try self.version(version) > 0 else { throw .badRequest("A WebSocket handshake needs HTTP/1.1.") }
  }

  /// The minor version: of `HTTP/1.0`, of `HTTP/1.1`, or a later one, which is answered as 1.1 (RFC 9110 section 2.5).
  private static func version(_ text: UnsafeRawBufferPointer) throws(HandshakeRefusal) -> UInt8 {
    guard text.count == 8, text.starts(with: "HTTP/".utf8), text[5].isDigit, text[6] == UInt8(ascii: "."),
      text[7].isDigit
    else { throw .badRequest("The HTTP version is malformed.") }
    guard text[5] == UInt8(ascii: "1") else { throw .unsupportedHTTPVersion }
    return text[7] - UInt8(ascii: "0")
  }
}
