import Reactor

/// The state that all keyspaces of a node share.
final class KeyspaceShares {
  let earlyReads = EarlyReads.Room()
  /// How often the node has joined, lost its lease, and taken out a dead node is told of once in a while.
  var joins: LogThrottle
  var lostLeases: LogThrottle
  var reaped: LogThrottle

  /// `lines` of each kind are logged at once.
  init(lines: Int) {
    joins = LogThrottle(burst: lines)
    lostLeases = LogThrottle(burst: lines)
    reaped = LogThrottle(burst: lines)
  }
}

@available(*, unavailable)
extension KeyspaceShares: Sendable {}
