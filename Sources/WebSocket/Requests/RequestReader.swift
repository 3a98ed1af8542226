/// Reads the requests of a connection one part at a time: RFC 9112 sections 6 and 7.
///
/// It never looks past the part it returns, so whoever stops asking after `end` has read nothing of the next request. It
/// holds what has arrived of an unfinished head, at most 16,384 bytes, and nothing of a body.
package struct RequestReader: Sendable {
  package enum Step: Equatable, Sendable {
    /// More bytes are needed; all that were given have been taken.
    case incomplete
    case head(RequestHead)
    /// A part of the body: these of the bytes given, at least one.
    case body(Range<Int>)
    /// The request is whole. The next byte belongs to another one.
    case end
    /// Answer with that and close; nothing may be read any more.
    case refused(HandshakeRefusal)
  }

  private enum State {
    case head
    /// Bytes of the body, or of its present chunk, that are still to come.
    case data(left: Int, isChunk: Bool)
    /// The line break after a chunk's data.
    case chunkEnd(isAfterCarriageReturn: Bool)
    case chunkSize(ChunkLine)
    case trailers(TrailerLines)
    case end
  }

  /// The longest body, in bytes.
  private let maxBody: Int
  private var state = State.head
  private var scanner = HeadScanner(limits: HandshakeParser.Limits())
  private var head: [UInt8] = []
  /// Bytes that the chunks so far have announced.
  private var announced = 0

  /// `maxBody`: the longest body that is taken, in bytes.
  package init(maxBody: Int) {
    self.maxBody = maxBody
  }

  /// Takes some of the bytes, which begin where the last call stopped; says how many were taken.
  package mutating func read(_ bytes: UnsafeRawBufferPointer) -> (step: Step, taken: Int) {
    var index = 0
    while true {
      let rest = bytes.slice(index...)
      switch state {
      case .head:
        let (step, taken) = readHead(rest)
        return (step, index + taken)
      case .end:
        state = .head
        return (.end, index)
      case .data(left: 0, isChunk: false):
        state = .end
      case .data(left: 0, isChunk: true):
        state = .chunkEnd(isAfterCarriageReturn: false)
      case .data(let left, let isChunk):
        let count = min(left, rest.count)
        guard count > 0 else { return (.incomplete, index) }
        state = .data(left: left - count, isChunk: isChunk)
        return (.body(index..<(index + count)), index + count)
      case .chunkEnd(let isAfterCarriageReturn):
        guard let byte = rest.first else { return (.incomplete, index) }
        guard byte == (isAfterCarriageReturn ? .lineFeed : .carriageReturn) else { return (Self.malformed, index) }
        state = isAfterCarriageReturn ? .chunkSize(ChunkLine()) : .chunkEnd(isAfterCarriageReturn: true)
        index += 1
      case .chunkSize(var line):
        guard let byte = rest.first else { return (.incomplete, index) }
        index += 1
        switch line.take(byte, most: maxBody - announced) {
        case .more: state = .chunkSize(line)
        case .end:
          announced += line.size
          state = line.size > 0 ? .data(left: line.size, isChunk: true) : .trailers(TrailerLines())
        case .tooLarge: return (.refused(.bodyTooLarge(maxBody)), index)
        case .malformed: return (Self.malformed, index)
        }
      case .trailers(var lines):
        guard let byte = rest.first else { return (.incomplete, index) }
        index += 1
        switch lines.take(byte) {
        case .more: state = .trailers(lines)
        case .end: state = .end
        case .tooLarge, .malformed: return (Self.malformed, index)
        }
      }
    }
  }

  private static let malformed = Step.refused(.badRequest("The chunks of the body are malformed."))

  private mutating func readHead(_ bytes: UnsafeRawBufferPointer) -> (Step, Int) {
    switch scanner.scan(bytes) {
    case .incomplete:
      head.append(contentsOf: bytes)
      return (.incomplete, bytes.count)
    case .refused(var refusal):
      refusal.isWithoutBody = head.withUnsafeBytes { RequestLine.isHead($0.isEmpty ? bytes : $0) }
      return (.refused(refusal), bytes.count)
    case .end(let count):
      head.append(contentsOf: bytes.slice(..<count))
      let outcome = head.withUnsafeBytes { RequestHead.read($0) }
      scanner = HeadScanner(limits: HandshakeParser.Limits())
      head = []
      switch outcome {
      case .failure(let refusal): return (.refused(refusal), count)
      case .success(let head): return (begin(head), count)
      }
    }
  }

  private mutating func begin(_ head: RequestHead) -> Step {
    announced = 0
    switch head.body {
    case .none: state = .end
    case .chunked: state = .chunkSize(ChunkLine())
    case .length(let length):
      guard length <= maxBody else {
        var refusal = HandshakeRefusal.bodyTooLarge(maxBody)
        refusal.isWithoutBody = head.isHead
        return .refused(refusal)
      }
      state = .data(left: length, isChunk: false)
    }
    return .head(head)
  }
}

/// What one more byte of a line has come to.
private enum LineProgress {
  case more
  case end
  case tooLarge
  case malformed
}

/// The line before a chunk's data: its size in hexadecimal digits, and extensions, which are passed over (RFC 9112 section 7.1).
private struct ChunkLine: Sendable {
  private static let maxCount = 256

  private(set) var size = 0
  private var count = 0
  private var digits = 0
  private var isAfterSize = false
  private var isExtension = false
  private var isAfterCarriageReturn = false

  /// `most`: the largest size that may be announced.
  mutating func take(_ byte: UInt8, most: Int) -> LineProgress {
    count += 1
    guard count <= Self.maxCount else { return .malformed }
    if isAfterCarriageReturn { return byte == .lineFeed ? .end : .malformed }
    if byte == .carriageReturn {
      isAfterCarriageReturn = true
      return digits > 0 ? .more : .malformed
    }
    if isExtension { return byte.isHeaderText ? .more : .malformed }
    if !isAfterSize, let value = byte.hexValue {
      digits += 1
      size = size << 4 | Int(value)
      // Told from the digits alone: before the data, and before the number could overflow.
      return size <= most ? .more : .tooLarge
    }
    isAfterSize = true
    isExtension = byte == UInt8(ascii: ";")
    return digits > 0 && (isExtension || byte.isBlank) ? .more : .malformed
  }
}

/// The headers after the last chunk, which are passed over (RFC 9112 section 7.1.2).
private struct TrailerLines: Sendable {
  private static let maxCount = 8192

  private var count = 0
  private var lineCount = 0
  /// Whether the line's name, and the colon behind it, were there.
  private var hasName = false
  private var isAfterCarriageReturn = false

  mutating func take(_ byte: UInt8) -> LineProgress {
    count += 1
    guard count <= Self.maxCount else { return .tooLarge }
    if isAfterCarriageReturn {
      guard byte == .lineFeed else { return .malformed }
      isAfterCarriageReturn = false
      defer {
        lineCount = 0
        hasName = false
      }
      return lineCount == 0 ? .end : .more
    }
    if byte == .carriageReturn {
      guard hasName || lineCount == 0 else { return .malformed }
      isAfterCarriageReturn = true
      return .more
    }
    defer { lineCount += 1 }
    if hasName { return byte.isHeaderText ? .more : .malformed }
    hasName = byte == UInt8(ascii: ":") && lineCount > 0
    return hasName || byte.isTokenCharacter ? .more : .malformed
  }
}
