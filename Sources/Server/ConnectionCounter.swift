import Locks

/// Counts connections of one kind, over all threads, against a limit.
///
/// Touched when a connection comes and goes, never in between. WebSockets count from their handshake on: what says nothing,
/// or speaks HTTP, must not take the places of those who do.
package final class ConnectionCounter: Sendable {
  private let limit: Int
  private let connections = Lock(0)

  /// `limit` 0 is none.
  package init(limit: Int) {
    self.limit = limit
  }

  package var count: Int { connections.withLock { $0 } }

  /// Whether there are more than there may be: those are counted, too, until they have been turned away.
  package var isOver: Bool { isOver(count) }

  private func isOver(_ count: Int) -> Bool { limit > 0 && count > limit }

  /// Counts a connection in; false when it is one more than the node takes. It is counted all the same.
  package func enter() -> Bool {
    connections.withLock { count in
      count += 1
      return !isOver(count)
    }
  }

  package func leave() {
    connections.withLock { $0 -= 1 }
  }
}
