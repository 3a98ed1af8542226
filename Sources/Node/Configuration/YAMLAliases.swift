import Yams

/// Looks for the aliases of YAML, which are never read: with them a small file can be an endless one.
enum YAMLAliases {
  /// Too few to cost anything: 2 to the power of half as many.
  private static let limit = 32

  /// The first node in the document that has an anchor; nil when there is none, and so no alias.
  ///
  /// Asked before what is inside it and behind it, so that no alias is ever followed.
  static func firstAnchored(in node: Yams.Node) -> Yams.Node? {
    if node.anchor != nil { return node }
    switch node {
    case .scalar, .alias: return nil
    case .sequence(let list):
      for item in list {
        if let found = firstAnchored(in: item) { return found }
      }
    case .mapping(let mapping):
      for (key, value) in mapping {
        if let found = firstAnchored(in: key) ?? firstAnchored(in: value) { return found }
      }
    }
    return nil
  }

  /// Whether so many words begin with `*`, outside of comment lines, that the text must not even be parsed.
  ///
  /// Yams compares keys while it parses, through every alias in them: thirty aliases of aliases take longer than anybody
  /// waits.
  static func abound(in text: String) -> Bool {
    var count = 0
    var previous = UInt8(ascii: "\n")
    var isComment = false
    var isAtLineStart = true
    for byte in text.utf8 {
      let isSpace = byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t")
      if byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r") {
        isComment = false
        isAtLineStart = true
      } else if !isSpace {
        if isAtLineStart { isComment = byte == UInt8(ascii: "#") }
        isAtLineStart = false
        if byte == UInt8(ascii: "*"), !isComment, " \t\n\r[{,:?-".utf8.contains(previous) { count += 1 }
      }
      previous = byte
    }
    return count > limit
  }
}
