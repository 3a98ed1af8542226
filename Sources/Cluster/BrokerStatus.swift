/// How a broker stands.
package struct BrokerStatus: Sendable {
  /// What it depends on and how each stands, by the names that `/readyz` shows; nil: well, else what is wrong.
  package var dependencies: [(name: String, failure: String?)] = []
  /// Channels with a listener on this node.
  package var channels = 0
  /// One for each Redis, or primary of a Cluster.
  package var shards: [Shard] = []
  /// Those of them, or of their partitions, that the node has joined; nil where there is no Redis.
  package var keyspacesJoined: Int?
  /// Milliseconds since the lease was renewed; nil where there is none.
  package var leaseAge: Int64?
  package var reapedMembers = 0
  /// Gaps that were told, since what was missing could not be read any more.
  package var gaps = 0
  /// Payloads from other programs that were no messages.
  package var malformedPayloads = 0
  /// Payloads that only later nodes know.
  package var unknownPayloads = 0

  /// How often the slot of a partition was found at another server; nil outside of a Cluster.
  package var moves: Int?

  package struct Shard: Sendable {
    /// Its name in metrics.
    package var name: String
    package var isUp: Bool
    package var reconnects: Int
    /// Seconds of the latest round trip.
    package var roundTrip: Double?
    /// Sentinels that answer; nil where none are asked.
    package var sentinelsUp: Int?

    package init(name: String, isUp: Bool, reconnects: Int, roundTrip: Double?, sentinelsUp: Int? = nil) {
      self.name = name
      self.isUp = isUp
      self.reconnects = reconnects
      self.roundTrip = roundTrip
      self.sentinelsUp = sentinelsUp
    }
  }

  package init() {}

  /// Seconds of the latest round trip to the Redis that takes longest; nil where none is known.
  package var slowestRoundTrip: Double? { shards.compactMap(\.roundTrip).max() }

  /// Whether clients are served.
  package var isReady = true
  /// Whether something is not well while clients are served all the same.
  package var isDegraded: Bool { isReady && dependencies.contains { $0.failure != nil } }
}
