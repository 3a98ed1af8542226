import Hub
import Locks
import Model

/// The token buckets of the users of one node, each shared by all connections of its user, on whichever loop.
///
/// Its lock is taken when a connection becomes known and when it goes, never for a command. A bucket outlives the last
/// connection until it is full, so that a new connection brings no new tokens; a full one is as good as new.
package final class UserRateTable: UserRates {
  private struct Entry {
    let bucket = SharedTokenBucket()
    var connections = 0
  }

  private struct Table {
    var entries: [UserName: Entry] = [:]
    /// How many there may be until the full buckets without a connection are swept out.
    var sweepAt = minSweep

    mutating func sweep(_ now: Int64) {
      entries = entries.filter { $0.value.connections > 0 || !$0.value.bucket.isFull(now: now) }
      if entries.count(where: { $0.value.connections == 0 }) > maxIdle {
        entries = entries.filter { $0.value.connections > 0 }
      }
      sweepAt = max(minSweep, 2 * entries.count)
    }
  }

  private static let minSweep = 1024
  /// Buckets without a connection that a sweep leaves; if there are more, all of them go: memory comes first.
  private static let maxIdle = 65_536

  private let table = Lock(Table())

  package init() {}

  /// Users that are remembered.
  package var count: Int { table.withLock { $0.entries.count } }

  package func acquire(_ user: UserName, now: Int64) -> SharedTokenBucket {
    table.withLock { table in
      if table.entries.count >= table.sweepAt { table.sweep(now) }
      var entry = table.entries[user] ?? Entry()
      entry.connections += 1
      table.entries[user] = entry
      return entry.bucket
    }
  }

  package func release(_ user: UserName, now: Int64) {
    table.withLock { table in
      guard var entry = table.entries[user] else { return }
      entry.connections -= 1
      table.entries[user] = entry.connections == 0 && entry.bucket.isFull(now: now) ? nil : entry
    }
  }
}
