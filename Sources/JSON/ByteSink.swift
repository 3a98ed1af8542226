/// Takes the bytes of a text that is being written, one piece after the other.
public protocol ByteSink {
  mutating func append(byte: UInt8)
  mutating func append(_ bytes: UnsafeRawBufferPointer)
}

/// Public and inlinable: the sinks of other modules are written to for every message, and only such generic code is
/// specialised for the types of another module. `package` is not enough: a publish took 1,200 instructions more with
/// it.
extension ByteSink {
  /// Text known when the program was built, as it stands.
  @inlinable
  public mutating func append(literal: StaticString) {
    append(UnsafeRawBufferPointer(start: literal.utf8Start, count: literal.utf8CodeUnitCount))
  }

  /// The UTF-8 of `text`, as it stands.
  @inlinable
  public mutating func append(utf8 text: String) {
    var text = text
    text.withUTF8 { append(UnsafeRawBufferPointer($0)) }
  }

  /// An integer in decimal.
  @inlinable
  public mutating func append(_ integer: Int) {
    // The digits of `Int.min` and its sign.
    withUnsafeTemporaryAllocation(byteCount: 20, alignment: 1) { buffer in
      var start = buffer.count
      var rest = integer.magnitude
      repeat {
        start -= 1
        let (quotient, remainder) = rest.quotientAndRemainder(dividingBy: 10)
        buffer[start] = UInt8(ascii: "0") + UInt8(remainder)
        rest = quotient
      } while rest > 0
      if integer < 0 {
        start -= 1
        buffer[start] = UInt8(ascii: "-")
      }
      append(UnsafeRawBufferPointer(rebasing: buffer[start...]))
    }
  }

  /// `text` as a JSON string: in quotes, with those characters escaped that must be (RFC 8259 section 7), no others.
  @inlinable
  public mutating func append(quoting text: String) {
    var text = text
    append(byte: UInt8(ascii: "\""))
    text.withUTF8 { append(escaping: UnsafeRawBufferPointer($0)) }
    append(byte: UInt8(ascii: "\""))
  }

  @inlinable
  public mutating func append(escaping bytes: UnsafeRawBufferPointer) {
    var start = 0
    while true {
      let end = bytes.endOfPlainText(from: start)
      append(UnsafeRawBufferPointer(rebasing: bytes[start..<end]))
      if end == bytes.count { return }
      append(escapeOf: bytes[end])
      start = end + 1
    }
  }

  @usableFromInline
  mutating func append(escapeOf byte: UInt8) {
    switch byte {
    case UInt8(ascii: "\""): append(literal: "\\\"")
    case UInt8(ascii: "\\"): append(literal: "\\\\")
    case 0x08: append(literal: "\\b")
    case 0x09: append(literal: "\\t")
    case 0x0A: append(literal: "\\n")
    case 0x0C: append(literal: "\\f")
    case 0x0D: append(literal: "\\r")
    default:
      append(literal: "\\u00")
      append(hexDigit: byte >> 4)
      append(hexDigit: byte & 0x0F)
    }
  }

  @usableFromInline
  mutating func append(hexDigit digit: UInt8) {
    append(byte: digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10)
  }
}
