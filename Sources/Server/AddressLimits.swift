import Locks
import Model

/// Limits what one address may take: connections at a time, and handshakes a second.
///
/// Touched by all threads, when a connection comes and goes. Addresses count by their `limitKey`; nil, a client whose
/// address nobody knows, is not limited.
package final class AddressLimits: Sendable {
  package enum Decision: Equatable, Sendable {
    case admitted
    /// It has as many connections as it may have.
    case tooMany
    /// It connects too often: try again after that many seconds, at least 1.
    case tooFast(retryAfter: Int)
  }

  private let isOff: Bool
  private let table: Lock<AddressTable>

  /// `connectRate` is handshakes a second, and after a rest as many at once, but one at least. 0 is no limit, for both.
  package init(maxConnections: Int, connectRate: Double) {
    isOff = maxConnections == 0 && connectRate == 0
    table = Lock(AddressTable(maxConnections: maxConnections, connectRate: connectRate))
  }

  /// The addresses that are remembered.
  package var addresses: Int { table.withLock { $0.count } }

  /// Counts a connection in if it is admitted; a refused one counts for nothing. `now` is monotonic, in milliseconds.
  package func enter(_ address: IPAddress?, now: Int64) -> Decision {
    guard !isOff, let address else { return .admitted }
    return table.withLock { $0.enter(address.limitKey, now: now) }
  }

  /// Counts out, once, a connection of that address which was admitted.
  package func leave(_ address: IPAddress?) {
    guard !isOff, let address else { return }
    table.withLock { $0.leave(address.limitKey) }
  }
}

/// What is known of each address that has connections or a bucket that is not full; any other is as good as new.
///
/// A bucket fills while nobody looks, so the full ones are swept out whenever the table has doubled. It grows to 1024
/// addresses at most, or to twice those that had connections at the sweep before, plus 131,072.
private struct AddressTable {
  private struct Entry {
    var connections = 0
    /// When the bucket will be full again if nothing is taken, in nanoseconds: all that need be known of it.
    var full: Int64
  }

  private static let minSweep = 1024
  /// Addresses without a connection whose buckets are remembered by a sweep. Over that all of them are forgotten: who
  /// connects from so many is not held by what each of them may do, and must not take the memory for it.
  private static let maxIdle = 65_536

  private let maxConnections: Int
  /// Nanoseconds until the next token comes, and until a bucket without any is full. Integers, so that a token is there
  /// to the millisecond when the refusal before has said.
  private let interval: Int64
  private let capacity: Int64
  private var entries: [IPAddress: Entry] = [:]
  private var sweepAt = AddressTable.minSweep
  /// The latest moment that any thread has told.
  private var now: Int64 = 0

  init(maxConnections: Int, connectRate: Double) {
    self.maxConnections = maxConnections
    // A bucket that is full at any time is no limit. Beyond these bounds the numbers would not fit.
    let rate = min(max(connectRate, 1e-6), 1e6)
    interval = connectRate > 0 ? Int64(1e9 / rate) : 0
    capacity = interval * Int64(rate.rounded(.up))
  }

  var count: Int { entries.count }

  mutating func enter(_ key: IPAddress, now milliseconds: Int64) -> AddressLimits.Decision {
    // The threads' clocks are one, but each has looked at it at another moment.
    now = max(now, milliseconds * 1_000_000)
    var entry = entries[key] ?? Entry(full: now)
    if maxConnections > 0, entry.connections >= maxConnections { return .tooMany }
    let full = max(entry.full, now) + interval
    let early = full - now - capacity
    if early > 0 { return .tooFast(retryAfter: Int((early + 999_999_999) / 1_000_000_000)) }
    entry.connections += 1
    entry.full = full
    entries[key] = entry
    if entries.count >= sweepAt { sweep() }
    return .admitted
  }

  mutating func leave(_ key: IPAddress) {
    guard let entry = entries[key] else { return }
    let isIdle = entry.connections == 1 && entry.full <= now
    if isIdle { entries[key] = nil } else { entries[key]?.connections -= 1 }
  }

  /// Costs no more than growing the table has.
  private mutating func sweep() {
    entries = entries.filter { $0.value.connections > 0 || $0.value.full > now }
    if entries.count(where: { $0.value.connections == 0 }) > Self.maxIdle {
      entries = entries.filter { $0.value.connections > 0 }
    }
    sweepAt = max(Self.minSweep, 2 * entries.count)
  }
}
