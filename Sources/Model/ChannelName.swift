/// The name of a channel: 1 to 200 bytes of UTF-8 without control characters, spaces, `{` or `}`.
///
/// Braces are kept out so that a Redis Cluster key may put the name between them as its hash tag.
package struct ChannelName: Hashable, Sendable, CustomStringConvertible {
  /// The longest name, in bytes of UTF-8.
  package static let maxLength = 200

  /// The rule in a sentence, for whoever broke it.
  package static let rule =
    "A channel name is 1 to \(maxLength) bytes of UTF-8 without control characters, spaces, { or }."

  package let text: ExactString

  /// The channel of that name, or nil when the name breaks a rule.
  package init?(_ name: String) {
    guard !name.isEmpty, name.utf8.count <= Self.maxLength else { return nil }
    for scalar in name.unicodeScalars {
      switch scalar.value {
      case 0...0x20, 0x7F...0xA0, 0x7B, 0x7D: return nil
      // Asked of ASCII too, this would take most of the time that a command takes to parse.
      case 0xA1...: if scalar.properties.isWhitespace { return nil }
      default: continue
      }
    }
    text = ExactString(name)
  }

  package var string: String { text.value }
  package var description: String { text.value }

  /// Whether the name belongs to the server: clients may use no channel that begins with `$`.
  package var isReserved: Bool { text.utf8.first == UInt8(ascii: "$") }
}
