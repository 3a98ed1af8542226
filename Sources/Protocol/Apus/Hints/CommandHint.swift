import JSON
import Model

/// A word of help in a refusal, for who comes from another protocol or has mistyped: what there is here instead.
///
/// Looked for only where a command is refused, and only in a few short words of it.
enum CommandHint {
  /// A command to begin with.
  static let example = #"{"type":"publish","channel":"lobby","data":"hello"}"#

  /// The longest word that is looked at, in bytes, and how many members of a message.
  private static let maxLength = 20
  private static let maxMembers = 32

  // MARK: Types

  /// Names the command that somebody may have meant by that word; nil where nobody can tell.
  static func type(for word: String) -> String? {
    command(for: word).map { "Did you mean \($0.name)?" }
  }

  private static func command(for word: String) -> Command.Kind? {
    guard word.utf8.count <= maxLength, word.utf8.allSatisfy({ $0 < 0x80 }) else { return nil }
    var word = word.lowercased()
    for prefix in ["pusher:", "pusher_internal:"] where word.hasPrefix(prefix) { word.removeFirst(prefix.count) }
    if word.hasPrefix("client-") { return .signal }
    if let known = Command.Kind(type: word) ?? ForeignWords.commands[word[...]] { return known }
    let nearest = EditDistance.nearest(to: word, in: Command.Kind.types.map(\.name))
    return isNear(word, nearest) ? Command.Kind(type: nearest) : nil
  }

  private static func isNear(_ word: String, _ other: String) -> Bool {
    EditDistance.between(word, other) <= (min(word.utf8.count, other.utf8.count) < 6 ? 1 : 2)
  }

  // MARK: Members

  /// Says which member stands where `member` is missing: a sentence on it and one on what it is called. Nil where none does.
  static func member(_ member: Envelope.Key, in scanner: JSONScanner) -> String? {
    guard let (name, value) = stranger(for: member, in: scanner) else { return nil }
    let called = "The member is called \(member.rawValue)."
    guard member == .type else { return "\"\(name)\" is not a member of this command. \(called)" }
    let word = value.kind == .string ? scanner.string(value.range) : nil
    return ["\"\(name)\" does not name the command.", called, word.flatMap(type(for:))].compactMap(\.self)
      .joined(separator: " ")
  }

  /// The first member that others put in the place of `member`, or that is called nearly so.
  private static func stranger(
    for member: Envelope.Key, in scanner: JSONScanner
  ) -> (name: String, value: JSONValue)? {
    guard var members = JSONMembers(scanner.bytes) else { return nil }
    let foreign = ForeignWords.names(for: member)
    for _ in 0..<maxMembers {
      guard case .member(let key, let value) = members.next() else { return nil }
      guard key.count - 2 <= maxLength, let name = scanner.string(key), name.utf8.allSatisfy({ $0 < 0x80 }) else {
        continue
      }
      if foreign.contains(name.lowercased()[...]) || (member != .to && isNear(name.lowercased(), member.rawValue)) {
        return (name, value)
      }
    }
    return nil
  }

  // MARK: What is no command

  /// Says how JSON is written, where what begins like an object is none for the one reason that is seen at once.
  static func quotes(_ scanner: JSONScanner) -> String? {
    let start = scanner.skipSpace(at: 0)
    guard scanner.byte(at: start) == UInt8(ascii: "{") else { return nil }
    switch scanner.byte(at: scanner.skipSpace(at: start + 1)) {
    case UInt8(ascii: "'"), UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"):
      return "Put names and strings in double quotes."
    default: return nil
    }
  }
}
