/// What became of a handshake with the bytes received so far.
package enum HandshakeOutcome: Sendable {
  /// More bytes are needed.
  case incomplete
  /// The whole head came, and it is valid.
  case request(HandshakeRequest)
  /// Answer with `HandshakeResponse.refuse` and close.
  case refused(HandshakeRefusal)
}

/// Reads the client's opening handshake: RFC 6455 section 4.2.1, RFC 9112.
///
/// It answers once with a request or a refusal and is not used after that. Until then it holds what has arrived, at
/// most `maxHeadBytes`.
package struct HandshakeParser: Sendable {
  /// Beyond any of these the handshake is refused with 431.
  package struct Limits: Sendable {
    /// The longest head, in bytes, the empty line at its end included.
    package var maxHeadBytes: Int
    /// The most headers, of which each line is one.
    package var maxHeaders: Int
    /// The longest request line or header, in bytes without its line end.
    package var maxLine: Int

    package init(maxHeadBytes: Int = 16384, maxHeaders: Int = 100, maxLine: Int = 8192) {
      self.maxHeadBytes = maxHeadBytes
      self.maxHeaders = maxHeaders
      self.maxLine = maxLine
    }
  }

  private var scanner: HeadScanner
  private var head: [UInt8] = []

  /// A parser at the beginning of a connection.
  package init(limits: Limits = Limits()) {
    scanner = HeadScanner(limits: limits)
  }

  /// Takes the next bytes. A head that comes in one piece is read where it lies.
  package mutating func receive(_ bytes: UnsafeRawBufferPointer) -> HandshakeOutcome {
    switch scanner.scan(bytes) {
    case .incomplete:
      head.append(contentsOf: bytes)
      return .incomplete
    case .refused(let refusal):
      return .refused(refusal)
    case .end(let count):
      let last = bytes.slice(..<count)
      let outcome: HandshakeOutcome
      if head.isEmpty {
        outcome = Self.read(last)
      } else {
        head.append(contentsOf: last)
        outcome = head.withUnsafeBytes(Self.read)
      }
      // Frames may only follow the 101, and a second request never does.
      if case .request = outcome, count < bytes.count {
        return .refused(.badRequest("There are bytes after the request."))
      }
      return outcome
    }
  }

  private static func read(_ head: UnsafeRawBufferPointer) -> HandshakeOutcome {
    var lines = HeadLines(head)
    do throws(HandshakeRefusal) {
      guard let first = lines.next() else { throw .badRequest("The request line is missing.") }
      let target = try RequestLine.target(of: first)
      var headers = HandshakeHeaders()
      while let line = lines.next() { try headers.add(line) }
      return .request(try headers.request(to: target))
    } catch {
      return .refused(error)
    }
  }
}
