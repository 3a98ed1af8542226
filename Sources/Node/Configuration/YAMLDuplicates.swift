import Yams

/// Finds where a key stands for the second time: Yams tells of the first alone.
enum YAMLDuplicates {
  /// Put in front of a key to make it another one, in every style a key can be written in.
  private static let prefix = "apus-first-"

  /// The line of the second `key` in the mapping that has the first at `mark`; nil where it cannot be told.
  ///
  /// Read again with the first one renamed, the text either has that key once, or is refused for the second and third.
  static func second(_ key: String, after mark: Mark, in text: String) -> Int? {
    guard let renamed = renamed(mark, in: text) else { return nil }
    do {
      let parser = try Parser(yaml: renamed)
      return try withExtendedLifetime(parser) { try parser.singleRoot().flatMap { line(of: key, in: $0) } }
    } catch YamlError.duplicatedKeysInMapping(let keys, let context) {
      return keys.first == key ? context.mark.line : nil
    } catch {
      return nil
    }
  }

  private static func renamed(_ mark: Mark, in text: String) -> String? {
    var scalars = text.unicodeScalars
    var index = scalars.startIndex
    for _ in 1..<mark.line {
      guard let end = scalars[index...].firstIndex(of: "\n") else { return nil }
      index = scalars.index(after: end)
    }
    guard let key = scalars.index(index, offsetBy: mark.column - 1, limitedBy: scalars.endIndex) else { return nil }
    scalars.insert(contentsOf: prefix.unicodeScalars, at: key)
    return String(scalars)
  }

  /// The line of `key` beside the renamed one.
  private static func line(of key: String, in node: Yams.Node) -> Int? {
    switch node {
    case .scalar, .alias: return nil
    case .sequence(let list):
      for item in list {
        if let line = line(of: key, in: item) { return line }
      }
    case .mapping(let mapping):
      if mapping.keys.contains(where: { $0.scalar?.string.hasPrefix(prefix) ?? false }) {
        return mapping.keys.first { $0.scalar?.string == key }?.mark?.line
      }
      for (name, value) in mapping {
        if let line = line(of: key, in: name) ?? line(of: key, in: value) { return line }
      }
    }
    return nil
  }
}
