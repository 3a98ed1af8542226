import Hub
import Model
import Reactor

/// The token buckets of the users of one node, each shared by all connections of its user, on whichever loop.
///
/// Its lock is taken when a connection becomes known and when it goes, never for a command.
package final class UserRateTable: UserRates {
  private struct Entry {
    let bucket = SharedTokenBucket()
    var connections = 0
  }

  private let entries = Lock<[UserName: Entry]>([:])

  package init() {}

  /// Users with a connection.
  package var count: Int { entries.withLock { $0.count } }

  package func acquire(_ user: UserName) -> SharedTokenBucket {
    entries.withLock { entries in
      entries[user, default: Entry()].connections += 1
      return entries[user, default: Entry()].bucket
    }
  }

  package func release(_ user: UserName) {
    entries.withLock { entries in
      guard let entry = entries[user] else { return }
      if entry.connections > 1 {
        entries[user]?.connections -= 1
      } else {
        entries[user] = nil
      }
    }
  }
}
