/// Subscribes above the rate, of connections that have just come: each waits for a token instead of being refused, and its
/// connection is not read meanwhile.
///
/// A client that comes back has all its channels to enter at once. It keeps to the rate all the same, since reconnecting
/// is free. Times are in milliseconds.
struct DeferredSubscribes {
  /// Since its opening, for a subscribe of a connection to begin to wait.
  static let window: Int64 = 30_000
  /// The longest that one waits.
  static let timeout: Int64 = 10_000
  /// The longest between two looks at a bucket that other connections take from, too.
  static let longestPause: Int64 = 1000
  /// Bytes that are held for all connections together, give or take what one read brings.
  static let maxBytes = 16 << 20

  private struct Entry {
    let text: [UInt8]
    let since: Int64
    var due: Int64
    /// Bytes that came after it.
    var rest = 0
  }

  /// The most that wait of one connection, one after the other.
  private let most: Int
  /// By slot.
  private var entries: [UInt32: Entry] = [:]
  /// By slot: how many have waited.
  private var counts: [UInt32: Int] = [:]
  private(set) var bytes = 0

  init(most: Int) {
    self.most = most
  }

  /// Whether a subscribe of a connection of that age may wait, if its token comes after `delay` at the earliest.
  func mayBegin(_ slot: UInt32, age: Int64, delay: Int64) -> Bool {
    age < Self.window && delay < Self.timeout && counts[slot, default: 0] < most && bytes < Self.maxBytes
  }

  /// Begins to wait with a command, for which there may be a token after `delay`.
  mutating func begin(_ slot: UInt32, _ text: [UInt8], after delay: Int64, now: Int64) {
    entries[slot] = Entry(text: text, since: now, due: now + min(delay, Self.timeout))
    counts[slot, default: 0] += 1
    bytes += text.count
  }

  /// Counts what came after the command that waits, if one does.
  mutating func hold(_ slot: UInt32, _ count: Int) {
    guard let old = entries[slot]?.rest else { return }
    entries[slot]?.rest = count
    bytes += count - old
  }

  /// When to look again for a token; nil where nothing waits.
  func due(_ slot: UInt32) -> Int64? {
    entries[slot]?.due
  }

  /// Whether the command may wait on.
  func mayGoOn(_ slot: UInt32, now: Int64) -> Bool {
    entries[slot].map { now - $0.since < Self.timeout } ?? false
  }

  /// Goes on waiting, `delay` for the next token.
  ///
  /// That of a shared bucket may go to another connection: the longer one has waited, the less often it looks.
  mutating func goOn(_ slot: UInt32, after delay: Int64, isShared: Bool, now: Int64) {
    guard let since = entries[slot]?.since else { return }
    let pause = isShared ? max(delay, min(now - since, Self.longestPause)) : delay
    entries[slot]?.due = min(now + pause, max(since + Self.timeout, now + 1))
  }

  /// Ends the waiting: the command, if there is one.
  mutating func end(_ slot: UInt32) -> [UInt8]? {
    guard let entry = entries.removeValue(forKey: slot) else { return nil }
    bytes -= entry.text.count + entry.rest
    return entry.text
  }

  /// The connection has gone.
  mutating func forget(_ slot: UInt32) {
    guard !counts.isEmpty else { return }
    counts[slot] = nil
    _ = end(slot)
  }
}
