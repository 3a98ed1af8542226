/// Finds where JSON values end, strictly by RFC 8259, without decoding or copying them.
///
/// The bytes are taken to be valid UTF-8, which the frame decoder has checked; whatever they are, nothing traps.
/// The pointer is borrowed: a scanner lives no longer than the bytes it was given.
public struct JSONScanner {
  /// How many containers may stand in one another; as many as a word has bits to remember them by.
  package static let maxDepth = 64

  public let bytes: UnsafeRawBufferPointer

  public init(_ bytes: UnsafeRawBufferPointer) {
    self.bytes = bytes
  }

  /// Whether `bytes` are one JSON value with nothing but white space around it, at most `maxDepth` deep.
  package static func validate(_ bytes: UnsafeRawBufferPointer) -> Bool {
    let scanner = JSONScanner(bytes)
    guard let end = scanner.skipValue(at: scanner.skipSpace(at: 0)) else { return false }
    return scanner.skipSpace(at: end) == bytes.count
  }

  /// The same of a text.
  package static func validate(_ text: String) -> Bool {
    var text = text
    return text.withUTF8 { validate(UnsafeRawBufferPointer($0)) }
  }

  /// The end of the value whose first byte is at `start`, or nil when there is no valid value or it is too deep.
  ///
  /// `depth` is the number of containers the value itself stands in: they count towards `maxDepth`.
  package func skipValue(at start: Int, depth: Int = 0) -> Int? {
    var position = start
    // One bit for each open container, the innermost lowest: 1 for an object, 0 for an array.
    var containers: UInt64 = 0
    var open = 0
    value: while true {
      guard let kind = JSONKind(firstByte: byte(at: position)) else { return nil }
      switch kind {
      case .object, .array:
        guard depth + open < Self.maxDepth else { return nil }
        let isObject = kind == .object
        containers = containers << 1 | (isObject ? 1 : 0)
        open += 1
        position = skipSpace(at: position + 1)
        if byte(at: position) != UInt8(ascii: isObject ? "}" : "]") {
          if isObject {
            guard let key = skipKey(at: position) else { return nil }
            position = key.valueStart
          }
          continue value
        }
      case .string, .number, .true, .false, .null:
        guard let end = skipScalar(kind, at: position) else { return nil }
        position = end
        if open == 0 { return position }
        position = skipSpace(at: position)
      }

      // Here `position` is after a member or element, or at the end of an empty container.
      while true {
        let isObject = containers & 1 == 1
        switch byte(at: position) {
        case UInt8(ascii: isObject ? "}" : "]"):
          position += 1
          containers >>= 1
          open -= 1
          if open == 0 { return position }
          position = skipSpace(at: position)
        case UInt8(ascii: ","):
          position = skipSpace(at: position + 1)
          if isObject {
            guard let key = skipKey(at: position) else { return nil }
            position = key.valueStart
          }
          continue value
        default: return nil
        }
      }
    }
  }

  /// The first position at or after `start` that holds no JSON white space (RFC 8259 section 2).
  package func skipSpace(at start: Int) -> Int {
    var position = start
    while position < bytes.count {
      switch bytes[position] {
      case 0x20, 0x09, 0x0A, 0x0D: position += 1
      default: return position
      }
    }
    return position
  }

  /// From the opening quote of a member's key over the colon to the first byte of its value.
  func skipKey(at start: Int) -> (keyEnd: Int, valueStart: Int)? {
    guard let keyEnd = skipString(at: start) else { return nil }
    let colon = skipSpace(at: keyEnd)
    guard byte(at: colon) == UInt8(ascii: ":") else { return nil }
    return (keyEnd, skipSpace(at: colon + 1))
  }

  /// The end of the string whose opening quote is at `start`, after its closing quote.
  func skipString(at start: Int) -> Int? {
    guard byte(at: start) == UInt8(ascii: "\"") else { return nil }
    var position = start + 1
    while true {
      position = bytes.endOfPlainText(from: position)
      switch byte(at: position) {
      case UInt8(ascii: "\""): return position + 1
      case UInt8(ascii: "\\"):
        switch byte(at: position + 1) {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"),
          UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
          position += 2
        case UInt8(ascii: "u"):
          guard codeUnit(at: position + 2) != nil else { return nil }
          position += 6
        default: return nil
        }
      default: return nil
      }
    }
  }

  /// The number that four hexadecimal digits at `start` make.
  func codeUnit(at start: Int) -> UInt16? {
    var unit: UInt16 = 0
    for position in start..<(start + 4) {
      let digit = byte(at: position)
      switch digit {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): unit = unit << 4 | UInt16(digit & 0x0F)
      case UInt8(ascii: "A")...UInt8(ascii: "F"), UInt8(ascii: "a")...UInt8(ascii: "f"):
        unit = unit << 4 | UInt16((digit & 0x0F) + 9)
      default: return nil
      }
    }
    return unit
  }

  /// The byte at `position`; past the end 0, which JSON has no place for outside and inside of strings.
  package func byte(at position: Int) -> UInt8 {
    position < bytes.count ? bytes[position] : 0
  }

  private func skipScalar(_ kind: JSONKind, at start: Int) -> Int? {
    switch kind {
    case .string: skipString(at: start)
    case .number: skipNumber(at: start)
    case .true: skipLiteral("true", at: start)
    case .false: skipLiteral("false", at: start)
    case .null: skipLiteral("null", at: start)
    case .object, .array: nil
    }
  }

  private func skipLiteral(_ literal: StaticString, at start: Int) -> Int? {
    let end = start + literal.utf8CodeUnitCount
    guard end <= bytes.count else { return nil }
    for offset in 0..<literal.utf8CodeUnitCount where bytes[start + offset] != literal.utf8Start[offset] { return nil }
    return end
  }

  private func skipNumber(at start: Int) -> Int? {
    var position = start
    if byte(at: position) == UInt8(ascii: "-") { position += 1 }
    if byte(at: position) == UInt8(ascii: "0") {
      position += 1
    } else {
      guard let end = skipDigits(at: position) else { return nil }
      position = end
    }
    if byte(at: position) == UInt8(ascii: ".") {
      guard let end = skipDigits(at: position + 1) else { return nil }
      position = end
    }
    if byte(at: position) | 0x20 == UInt8(ascii: "e") {
      position += 1
      if byte(at: position) == UInt8(ascii: "+") || byte(at: position) == UInt8(ascii: "-") { position += 1 }
      return skipDigits(at: position)
    }
    return position
  }

  /// The end of a run of one digit or more.
  private func skipDigits(at start: Int) -> Int? {
    var position = start
    while (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte(at: position)) { position += 1 }
    return position > start ? position : nil
  }
}
