/// A number of bytes as people write it: `65536`, `64KiB`, `1MiB`, `1GiB`.
package struct ByteCount: Sendable, CustomStringConvertible {
  /// What is expected, to go on from "takes": a value in each unit.
  package static let expected = "a number of bytes such as 65536, 64KiB, 1MiB or 1GiB"

  package let value: Int

  package init(_ value: Int) {
    self.value = value
  }

  /// Nil for anything else.
  package init?(text: String) {
    let units: [(suffix: String, shift: Int)] = [("KiB", 10), ("MiB", 20), ("GiB", 30)]
    let unit = units.first { text.hasSuffix($0.suffix) }
    guard let number = Decimal.integer(text.dropLast(unit?.suffix.count ?? 0)), number < 1 << 32 else { return nil }
    value = number << (unit?.shift ?? 0)
  }

  package var description: String { String(value) }
}
