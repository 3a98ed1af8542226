/// Finds the end of a request's head in bytes as they arrive, looking at each byte once.
///
/// Guarantees for the head it accepts: lines end in CRLF, there is no other control character than tab, leading empty
/// lines apart (RFC 9112 section 2.2) the last line and no other is empty, and all limits are kept.
struct HeadScanner: Sendable {
  enum Progress: Equatable {
    case incomplete
    /// The head ends behind this many of the bytes just given.
    case end(Int)
    case refused(HandshakeRefusal)
  }

  private let limits: HandshakeParser.Limits
  private var headCount = 0
  /// Finished lines: the request line and the headers.
  private var lines = 0
  private var lineCount = 0
  private var isAfterCarriageReturn = false

  init(limits: HandshakeParser.Limits) {
    self.limits = limits
  }

  mutating func scan(_ bytes: UnsafeRawBufferPointer) -> Progress {
    var index = 0
    while true {
      index += skipOrdinary(bytes.slice(index...))
      guard index < bytes.count else { return .incomplete }
      let byte = bytes[index]
      index += 1
      headCount += 1
      guard headCount <= limits.maxHeadBytes else {
        return .refused(.headTooLarge("The request's head is longer than \(limits.maxHeadBytes) bytes."))
      }
      if isAfterCarriageReturn {
        guard byte == .lineFeed else { return .refused(.badRequest("A carriage return has no line feed after it.")) }
        isAfterCarriageReturn = false
        if lineCount > 0 {
          lines += 1
          lineCount = 0
        } else if lines > 0 {
          return .end(index)
        }
      } else if byte == .carriageReturn {
        isAfterCarriageReturn = true
      } else if let refusal = extendLine(by: byte) {
        return .refused(refusal)
      }
    }
  }

  /// Passes over the bytes in front that can only lengthen a line already begun, all limits being kept. It changes
  /// nothing but the speed.
  private mutating func skipOrdinary(_ bytes: UnsafeRawBufferPointer) -> Int {
    guard lineCount > 0, !isAfterCarriageReturn else { return 0 }
    let most = min(bytes.count, limits.maxLine - lineCount, limits.maxHeadBytes - headCount)
    var count = 0
    while count < most, bytes[count] >= 0x20, bytes[count] != 0x7F { count += 1 }
    lineCount += count
    headCount += count
    return count
  }

  private mutating func extendLine(by byte: UInt8) -> HandshakeRefusal? {
    switch byte {
    case .lineFeed: return .badRequest("A line feed has no carriage return before it.")
    case 0...0x08, 0x0B...0x1F, 0x7F: return .badRequest("The request's head contains a control character.")
    default: break
    }
    // The first finished line is the request line, so that here `lines` is the number of the header that begins.
    guard lineCount > 0 || lines <= limits.maxHeaders else {
      return .headTooLarge("The request has more than \(limits.maxHeaders) headers.")
    }
    lineCount += 1
    guard lineCount <= limits.maxLine else {
      return .headTooLarge("A line of the request's head is longer than \(limits.maxLine) bytes.")
    }
    return nil
  }
}

/// The lines of a head that `HeadScanner` accepted, without their line ends: first the request line, then the headers.
struct HeadLines: IteratorProtocol {
  private var rest: UnsafeRawBufferPointer

  init(_ head: UnsafeRawBufferPointer) {
    rest = head
    while rest.first == .carriageReturn { rest = rest.slice(2...) }
  }

  mutating func next() -> UnsafeRawBufferPointer? {
    guard let end = rest.firstIndex(of: .carriageReturn), end > 0 else { return nil }
    defer { rest = rest.slice((end + 2)...) }
    return rest.slice(..<end)
  }
}
