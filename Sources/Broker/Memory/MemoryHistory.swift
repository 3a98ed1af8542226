import DequeModule
import Model

/// The history of one channel of a node that stands alone: what the scripts `publish` and `read` do inside Redis.
///
/// All times are milliseconds since 1970.
struct MemoryHistory {
  /// The newest message there has been, also when nothing is held any more.
  private(set) var latest: StreamPosition
  /// Bytes of the messages that are held.
  private(set) var byteCount = 0
  /// When it was last written or read.
  private(set) var touched: Int64
  /// Oldest first, one for each offset up to that of `latest`.
  private var entries: Deque<HistoryEntry> = []
  /// What is held goes after that moment.
  private var expiry: Int64 = 0

  /// A history that begins after that position.
  init(latest: StreamPosition, now: Int64) {
    self.latest = latest
    touched = now
  }

  /// Messages held.
  var count: Int { entries.count }

  /// Gives a message its position and keeps it.
  mutating func append(_ publication: Publication, keeping rule: HistoryRule, now: Int64) -> HistoryEntry {
    expire(now: now)
    touched = now
    latest.offset += 1
    let entry = HistoryEntry(
      offset: latest.offset, time: now, text: publication.text(offset: latest.offset, time: now),
      isBinary: publication.kind == .binary, excluded: publication.excluded)
    entries.append(entry)
    byteCount += entry.text.count
    while entries.count > rule.size, let oldest = entries.popFirst() { byteCount -= oldest.text.count }
    expiry = now + rule.timeToLive
    return entry
  }

  /// Lets go of what has been held for long enough; the position stays.
  mutating func expire(now: Int64) {
    if now > expiry, !entries.isEmpty { clear() }
  }

  /// Lets go of everything that is held; the position stays.
  mutating func clear() {
    entries.removeAll()
    byteCount = 0
  }

  // MARK: Reading

  /// `maxBytes` bounds what is not a recovery.
  mutating func read(_ query: HistoryQuery, now: Int64, maxBytes: Int = HistoryRead.maxBytes) -> HistoryRead {
    expire(now: now)
    touched = now
    switch query {
    case .position: return HistoryRead(latest: latest)
    case .newest(let count): return HistoryRead(latest: latest, entries: newest(count, maxBytes))
    case .recover(let since):
      guard let start = start(since), start.isVouched, start.missed <= HistoryRead.maxRecovered,
        start.missed <= entries.count
      else { return HistoryRead(latest: latest) }
      return HistoryRead(latest: latest, entries: Array(entries.suffix(start.missed)), isComplete: true)
    case .after(let since, let limit):
      guard let start = start(since) else {
        return HistoryRead(latest: latest, isReset: query.isOfAnotherEpoch(than: latest))
      }
      let held = oldest(limit, maxBytes, of: entries.suffix(start.missed))
      let isHeld = start.missed <= entries.count && (start.missed == 0 || !held.isEmpty)
      return HistoryRead(latest: latest, entries: held, isComplete: start.isVouched && isHeld)
    }
  }

  /// The newest, as many as one answer takes.
  private func newest(_ count: Int, _ maxBytes: Int) -> [HistoryEntry] {
    var bytes = 0
    var taken: [HistoryEntry] = []
    for entry in entries.suffix(max(0, count)).reversed() {
      bytes += entry.text.count
      guard taken.isEmpty || bytes <= maxBytes else { break }
      taken.append(entry)
    }
    return taken.reversed()
  }

  /// The oldest of those, as many as one answer takes.
  private func oldest(_ count: Int, _ maxBytes: Int, of entries: Deque<HistoryEntry>.SubSequence) -> [HistoryEntry] {
    var bytes = 0
    var taken: [HistoryEntry] = []
    for entry in entries.prefix(max(0, count)) {
      bytes += entry.text.count
      guard taken.isEmpty || bytes <= maxBytes else { break }
      taken.append(entry)
    }
    return taken
  }

  /// How many messages there have been since then, as far as anybody knows, and whether there can have been no more.
  /// Nil for a position that has never been in this history.
  private func start(_ since: Since) -> (missed: Int, isVouched: Bool)? {
    switch since {
    case .position(let position):
      guard position.epoch == latest.epoch, (0...latest.offset).contains(position.offset) else { return nil }
      return (latest.offset - position.offset, true)
    case .time(let time):
      let missed = entries.count - countUntil(time)
      let isVouched = entries.first.map { $0.time <= time || $0.offset == 1 } ?? false
      return (missed, isVouched)
    }
  }

  /// How many of the entries are not later than that.
  private func countUntil(_ time: Int64) -> Int {
    var (low, high) = (0, entries.count)
    while low < high {
      let middle = (low + high) / 2
      if entries[middle].time <= time { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
