import JSON

extension ByteWriter {
  /// Appends a further member to an object, or nothing if its value is nil.
  mutating func append(member name: StaticString, _ value: String?) {
    guard let value else { return }
    append(key: name)
    append(quoting: value)
  }

  mutating func append(member name: StaticString, _ value: Int?) {
    guard let value else { return }
    append(key: name)
    append(value)
  }

  /// Appends a comma, the name of a member, and a colon.
  mutating func append(key name: StaticString) {
    append(literal: #",""#)
    append(literal: name)
    append(literal: #"":"#)
  }

  /// Appends a number with at most three decimals.
  mutating func append(number: Double) {
    let thousandths = (number * 1000).rounded()
    guard thousandths.isFinite, abs(thousandths) < 1e15 else { return append(0) }
    append(utf8: String(thousandths / 1000))
  }

  mutating func append(member name: StaticString, number: Double?) {
    guard let number else { return }
    append(key: name)
    append(number: number)
  }

  /// Appends a whole object.
  mutating func append(object members: [(String, Int)]) {
    append(byte: UInt8(ascii: "{"))
    append(members) { member, writer in
      writer.append(quoting: member.0)
      writer.append(byte: UInt8(ascii: ":"))
      writer.append(member.1)
    }
    append(byte: UInt8(ascii: "}"))
  }
}
