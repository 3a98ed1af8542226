/// The seven forms a JSON value may have (RFC 8259 section 3).
package enum JSONKind: Sendable {
  case object
  case array
  case string
  case number
  case `true`
  case `false`
  case null

  /// The kind of the value that begins with this byte, or nil when none does.
  init?(firstByte: UInt8) {
    switch firstByte {
    case UInt8(ascii: "{"): self = .object
    case UInt8(ascii: "["): self = .array
    case UInt8(ascii: "\""): self = .string
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): self = .number
    case UInt8(ascii: "t"): self = .true
    case UInt8(ascii: "f"): self = .false
    case UInt8(ascii: "n"): self = .null
    default: return nil
    }
  }
}

/// One JSON value by its place in the scanned bytes: a string with its quotes, never with the space around it.
package struct JSONValue: Sendable {
  package let kind: JSONKind
  package let range: Range<Int>

  /// The same value in bytes that begin `count` bytes earlier.
  package func moved(by count: Int) -> JSONValue {
    JSONValue(kind: kind, range: range.lowerBound + count..<range.upperBound + count)
  }
}
