/// Names that strangers choose, of which each is worth one line of the log: remembers a hundred of them, cut.
struct SeenNames {
  enum Decision: Equatable {
    /// Seen for the first time; as it may be shown.
    case new(String)
    /// One more than are remembered, for the first time.
    case tooMany
    /// Not worth a word any more.
    case known
  }

  static let capacity = 100
  /// Of a name, in Unicode scalars.
  static let maxLength = 100

  private var names: Set<String> = []
  private var isFull = false

  mutating func see(_ name: String) -> Decision {
    let name = Self.shown(name)
    if names.contains(name) { return .known }
    if names.count < Self.capacity {
      names.insert(name)
      return .new(name)
    }
    defer { isFull = true }
    return isFull ? .known : .tooMany
  }

  /// The name in visible ASCII, with `\u{e9}` for anything else, and cut.
  private static func shown(_ name: String) -> String {
    let scalars = name.unicodeScalars
    let start = scalars.prefix(maxLength).map { scalar in
      (0x21...0x7E).contains(scalar.value) && scalar != "\\"
        ? String(scalar) : "\\u{" + String(scalar.value, radix: 16) + "}"
    }
    return start.joined() + (scalars.dropFirst(maxLength).isEmpty ? "" : "...")
  }
}
