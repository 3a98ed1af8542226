/// A length of time as people write it: `500ms`, `2s`, `10m`, `1h`; a bare number is seconds.
package struct Milliseconds: Sendable, CustomStringConvertible {
  package let value: Int64

  package init(_ value: Int64) {
    self.value = value
  }

  /// Nil for anything else, and from some thirty years on.
  package init?(text: String) {
    let units: [(suffix: String, scale: Double)] = [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000)]
    let unit = units.first { text.hasSuffix($0.suffix) }
    let digits = unit.map { text.dropLast($0.suffix.count) } ?? text[...]
    guard let number = Decimal.number(digits), number * (unit?.scale ?? 1000) < 1e12 else { return nil }
    value = Int64((number * (unit?.scale ?? 1000)).rounded())
  }

  package var description: String { value % 1000 == 0 ? "\(value / 1000)s" : "\(value)ms" }
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
