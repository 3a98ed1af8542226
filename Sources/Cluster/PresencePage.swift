import Model

/// Some of the connections that take part in a channel's presence.
package struct PresencePage: Equatable, Sendable {
  /// A connection as presence keeps it.
  package struct Entry: Equatable, Sendable {
    package var connection: MemberConnection
    /// The id of its node; empty where there is one node only.
    package var node: String
    /// When it entered: milliseconds since 1970.
    package var since: Int64

    package init(_ connection: MemberConnection, node: String, since: Int64) {
      self.connection = connection
      self.node = node
      self.since = since
    }
  }

  package var entries: [Entry]
  /// Users and anonymous connections in the whole channel.
  package var count: Int
  /// Where the next page begins; nil after the last. Text that only the broker reads.
  package var cursor: String?

  package init(entries: [Entry], count: Int, cursor: String? = nil) {
    self.entries = entries
    self.count = count
    self.cursor = cursor
  }
}
