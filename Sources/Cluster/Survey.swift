/// What came of a question that every live node was asked about itself.
///
/// What is asked and answered is text that the nodes' control planes write and read; a broker only carries it.
package struct Survey: Sendable {
  /// The longest question, and the longest answer, in bytes.
  package static let maxBytes = 256 << 10

  /// What a node has answered.
  package struct Reply: Sendable {
    /// The node's id.
    package let node: String
    package let text: [UInt8]

    package init(node: String, text: [UInt8]) {
      self.node = node
      self.text = text
    }
  }

  /// A live node that did not answer in time, or could not.
  package struct Silent: Equatable, Sendable {
    package let node: String
    /// Milliseconds since it renewed its lease, when it was asked.
    package let leaseAge: Int64

    package init(node: String, leaseAge: Int64) {
      self.node = node
      self.leaseAge = leaseAge
    }
  }

  package var replies: [Reply]
  package var silent: [Silent]
  /// Names of the Redis that were away, such as `redis-1`: nodes that can be reached there alone are missing.
  package var away: [String]

  package init(replies: [Reply], silent: [Silent] = [], away: [String] = []) {
    self.replies = replies
    self.silent = silent
    self.away = away
  }
}
