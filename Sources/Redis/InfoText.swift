/// The text of `INFO` and `CLUSTER INFO`: a line for each field, `name:value`.
package enum InfoText {
  /// The field's value; nil where it is missing or empty.
  package static func field(_ name: String, of text: String) -> String? {
    let value = text.split(whereSeparator: \.isNewline).first { $0.hasPrefix(name + ":") }?.dropFirst(name.count + 1)
    return value.flatMap { $0.isEmpty ? nil : String($0) }
  }
}
