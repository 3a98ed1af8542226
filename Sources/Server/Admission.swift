import Reactor

/// How many connections the node has, over all loops and the HTTP side.
///
/// Touched when a connection comes and goes, never in between.
package final class Admission: Sendable {
  private let limit: Int
  private let connections = Lock(0)

  /// `limit` 0 is none.
  package init(limit: Int) {
    self.limit = limit
  }

  package var count: Int { connections.withLock { $0 } }

  /// Counts a connection in; false when it is one more than the node takes. It is counted all the same.
  package func enter() -> Bool {
    connections.withLock { count in
      count += 1
      return limit == 0 || count <= limit
    }
  }

  package func leave() {
    connections.withLock { $0 -= 1 }
  }
}
