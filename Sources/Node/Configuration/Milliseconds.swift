/// A length of time as people write it: `500ms`, `2s`, `10m`, `1h`, `7d`; a bare number is seconds.
package struct Milliseconds: Sendable, CustomStringConvertible {
  /// In milliseconds; "ms" stands before those that it ends like.
  private static let units: [(suffix: String, scale: Int64)] = [
    ("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000),
  ]
  /// What is expected, to go on from "takes": a value in each unit.
  package static let expected = "a time such as 500ms, 20s, 10m, 2h or 7d"

  package let value: Int64

  package init(_ value: Int64) {
    self.value = value
  }

  /// Nil for anything else, and from some thirty years on.
  package init?(text: String) {
    let unit = Self.units.first { text.hasSuffix($0.suffix) }
    let digits = unit.map { text.dropLast($0.suffix.count) } ?? text[...]
    let scale = Double(unit?.scale ?? 1000)
    guard let number = Decimal.number(digits), number * scale < 1e12 else { return nil }
    value = Int64((number * scale).rounded())
  }

  /// In the largest unit of which it is a whole number.
  package var description: String {
    let unit = Self.units.last { value != 0 && value.isMultiple(of: $0.scale) } ?? ("s", 1000)
    return "\(value / unit.scale)\(unit.suffix)"
  }
}

/// Numbers of digits alone: Swift's own initialisers also take signs, exponents, hexadecimal digits and `nan`.
enum Decimal {
  static func integer(_ text: some StringProtocol) -> Int? {
    !text.isEmpty && text.utf8.allSatisfy(isDigit) ? Int(text) : nil
  }

  static func number(_ text: some StringProtocol) -> Double? {
    let isDecimal = text.utf8.allSatisfy { isDigit($0) || $0 == UInt8(ascii: ".") }
    return !text.isEmpty && isDecimal ? Double(text) : nil
  }

  private static func isDigit(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
  }
}
