import ArgumentParser
import Glibc
import Node

/// Where the value of an option comes from: the command line, then the environment, then the default.
enum Options {
  /// The value of an option that may be given as `flag` or in the variable of that name.
  static func value<Value: ExpressibleByArgument>(_ flag: Value?, _ variable: String, default fallback: Value) throws
    -> Value
  {
    try value(flag, variable) ?? fallback
  }

  /// The same for an option without a default.
  static func value<Value: ExpressibleByArgument>(_ flag: Value?, _ variable: String) throws -> Value? {
    if let flag { return flag }
    guard let text = environment(variable) else { return nil }
    guard let value = Value(argument: text) else {
      throw ValidationError("The environment variable \(variable) has the value '\(text)', which cannot be understood.")
    }
    return value
  }

  /// The same for an option that may be given several times; in a variable its values stand with commas between them.
  static func values(_ flags: [String], _ variable: String) -> [String] {
    guard flags.isEmpty, let text = environment(variable) else { return flags }
    return text.split(separator: ",").map(String.init)
  }

  /// The same for a switch; a variable switches it on by `1`, `true`, `yes` or `on`.
  static func flag(_ flag: Bool, _ variable: String) throws -> Bool {
    guard !flag, let text = environment(variable)?.lowercased() else { return flag }
    switch text {
    case "1", "true", "yes", "on": return true
    case "0", "false", "no", "off": return false
    default: throw ValidationError("The environment variable \(variable) is neither true nor false: '\(text)'.")
    }
  }

  private static func environment(_ name: String) -> String? {
    guard let pointer = getenv(name) else { return nil }
    let text = String(cString: pointer)
    return text.isEmpty ? nil : text
  }
}

/// A length of time: `500ms`, `2s`, `10m`, `1h`; a bare number is seconds.
struct Milliseconds: ExpressibleByArgument, CustomStringConvertible {
  let value: Int64

  init(_ value: Int64) {
    self.value = value
  }

  init?(argument: String) {
    let units: [(suffix: String, scale: Double)] = [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000)]
    let unit = units.first { argument.hasSuffix($0.suffix) }
    let digits = unit.map { argument.dropLast($0.suffix.count) } ?? argument[...]
    guard !digits.isEmpty, digits.allSatisfy({ $0.isASCII && ($0.isNumber || $0 == ".") }),
      let number = Double(digits), number * (unit?.scale ?? 1000) < 1e12
    else { return nil }
    value = Int64((number * (unit?.scale ?? 1000)).rounded())
  }

  var description: String { value % 1000 == 0 ? "\(value / 1000)s" : "\(value)ms" }
}

/// A number of bytes: `65536`, `64KiB`, `1MiB`.
struct ByteCount: ExpressibleByArgument, CustomStringConvertible {
  let value: Int

  init(_ value: Int) {
    self.value = value
  }

  init?(argument: String) {
    let units: [(suffix: String, shift: Int)] = [("KiB", 10), ("MiB", 20), ("GiB", 30)]
    let unit = units.first { argument.hasSuffix($0.suffix) }
    guard let number = Int(argument.dropLast(unit?.suffix.count ?? 0)), number >= 0, number < 1 << 32 else {
      return nil
    }
    value = number << (unit?.shift ?? 0)
  }

  var description: String { String(value) }
}
