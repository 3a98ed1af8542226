/// A pattern for channel names: `*` stands for any bytes or none, colons included; everything else for itself.
package struct ChannelPattern: Equatable, Sendable, CustomStringConvertible {
  /// The pattern of every channel.
  package static let all = ChannelPattern(stars: "*")

  package let text: String
  private let bytes: [UInt8]

  /// Nil for an empty pattern, which no name could match.
  package init?(_ text: String) {
    guard !text.isEmpty else { return nil }
    self.init(stars: text)
  }

  private init(stars text: String) {
    self.text = text
    bytes = Array(text.utf8)
  }

  package var description: String { text }

  /// In time of at most the product of both lengths, whatever the pattern: only the last star is ever tried again.
  package func matches(_ channel: ChannelName) -> Bool {
    // Asked for every publish, so without a copy of the name.
    let fast = channel.string.utf8.withContiguousStorageIfAvailable { matches(UnsafeRawBufferPointer($0)) }
    return fast ?? Array(channel.string.utf8).withUnsafeBytes { matches($0) }
  }

  /// Whether every name that `other` matches is matched by this, too.
  ///
  /// A star of the other is answered by a star of this alone: names are UTF-8, in which 0xFF stands nowhere, so nothing
  /// else takes that byte in the star's place, and what takes it takes anything.
  package func covers(_ other: ChannelPattern) -> Bool {
    other.bytes.map { $0 == UInt8(ascii: "*") ? 0xFF : $0 }.withUnsafeBytes { matches($0) }
  }

  /// Whether clients could use a channel that this matches.
  package var isPossible: Bool {
    let shortest = text.filter { $0 != "*" }
    return !text.hasPrefix("$") && (shortest.isEmpty || ChannelName(shortest) != nil)
  }

  private func matches(_ name: UnsafeRawBufferPointer) -> Bool {
    var (position, at) = (0, 0)
    var star: (position: Int, at: Int)?
    while at < name.count {
      if position < bytes.count, bytes[position] == UInt8(ascii: "*") {
        star = (position, at)
        position += 1
      } else if position < bytes.count, bytes[position] == name[at] {
        position += 1
        at += 1
      } else if let last = star {
        position = last.position + 1
        at = last.at + 1
        star = (last.position, at)
      } else {
        return false
      }
    }
    return bytes[position...].allSatisfy { $0 == UInt8(ascii: "*") }
  }
}
