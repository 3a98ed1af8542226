import DequeModule
import Model

/// The history of one channel of a node that stands alone: what the scripts `publish` and `read` do inside Redis.
///
/// All times are milliseconds since 1970.
struct MemoryHistory {
  /// The newest message there has been, also when nothing is held any more.
  private(set) var top: StreamPosition
  /// Bytes of the messages that are held.
  private(set) var byteCount = 0
  /// When it was last written or read.
  private(set) var touched: Int64
  /// Oldest first, one for each offset up to the top.
  private var entries: Deque<HistoryEntry> = []
  /// What is held goes after that moment.
  private var expiry: Int64 = 0

  /// A history that begins behind that place.
  init(top: StreamPosition, now: Int64) {
    self.top = top
    touched = now
  }

  /// Messages held.
  var count: Int { entries.count }

  /// Gives a message its place and keeps it.
  mutating func append(_ publication: Publication, keeping rule: HistoryRule, now: Int64) -> HistoryEntry {
    expire(now: now)
    touched = now
    top.offset += 1
    let entry = HistoryEntry(
      offset: top.offset, time: now, text: publication.text(offset: top.offset, time: now),
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
    case .position: return HistoryRead(top: top)
    case .newest(let count): return HistoryRead(top: top, entries: newest(count, maxBytes))
    case .recover(let since):
      guard let place = place(since), place.isVouched, place.missed <= HistoryRead.maxRecovered,
        place.missed <= entries.count
      else { return HistoryRead(top: top) }
      return HistoryRead(top: top, entries: Array(entries.suffix(place.missed)), isComplete: true)
    case .after(let since, let limit):
      guard let place = place(since) else {
        return HistoryRead(top: top, isReset: query.isOfAnotherEpoch(than: top))
      }
      let held = oldest(limit, maxBytes, of: entries.suffix(place.missed))
      let isHeld = place.missed <= entries.count && (place.missed == 0 || !held.isEmpty)
      return HistoryRead(top: top, entries: held, isComplete: place.isVouched && isHeld)
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
  /// Nil for a place that has never been in this history.
  private func place(_ since: Since) -> (missed: Int, isVouched: Bool)? {
    switch since {
    case .position(let position):
      guard position.epoch == top.epoch, (0...top.offset).contains(position.offset) else { return nil }
      return (top.offset - position.offset, true)
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
