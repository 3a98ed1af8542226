import DequeModule
import Model

/// What a node that stands alone keeps of messages: histories by channel, and what was published under which key.
///
/// All times are milliseconds since 1970.
struct MemoryStore {
  /// How long a history is known of that holds nothing and that nobody asks for. Then it begins again, under another epoch.
  private static let timeout: Int64 = 3_600_000
  /// Histories looked at by one sweep.
  private static let stride = 256

  /// Above so many histories those that hold nothing are not waited for.
  let maxHistories: Int
  /// The most bytes that all histories hold. What is too much goes from those that were left alone longest.
  let maxBytes: Int
  private var histories: [ChannelName: MemoryHistory] = [:]
  /// Every history once, in the order in which they are looked at.
  private var order: Deque<ChannelName> = []
  private(set) var byteCount = 0
  private var keys = IdempotencyTable()
  /// What was told to those who listen to a channel without messages: the first one follows that.
  private var beginnings: [ChannelName: StreamPosition] = [:]
  /// The epoch of a channel without messages is computed of these and of its name, so that it need not be kept: whoever
  /// only subscribes leaves nothing behind. No epoch may come back, or a gap would be silent: with each history that is
  /// forgotten a number goes on by one, which is that of the channel and of few others.
  private let seed = UInt64.random(in: .min ... .max)
  private var forgotten = [Int](repeating: 0, count: 4096)

  init(maxHistories: Int = 65_536, maxBytes: Int = 256 << 20) {
    self.maxHistories = maxHistories
    self.maxBytes = maxBytes
  }

  /// Channels of which something is kept.
  var count: Int { histories.count + beginnings.count }

  /// Gives a message its place where it is kept; `text` is what goes out, nil where it had gone out before.
  mutating func publish(_ publication: Publication, now: Int64) -> (text: EventText?, receipt: PublishReceipt) {
    let channel = publication.channel
    if let key = publication.key, let receipt = keys.receipt(of: key, in: channel, now: now) { return (nil, receipt) }
    var receipt = PublishReceipt()
    let text: EventText
    if let rule = publication.history {
      let entry = use(channel, now: now) { history in
        let entry = history.append(publication, keeping: rule, now: now)
        receipt.position = history.latest
        return entry
      }
      text = entry.text
      makeRoom(sparing: channel)
    } else {
      text = publication.text(offset: nil, time: now)
    }
    if let key = publication.key { keys.store(receipt.position, under: key, in: channel, now: now) }
    return (text, receipt)
  }

  /// `begins` where somebody listens, to whom the next message is to follow what is answered; otherwise nothing is kept
  /// under a new name.
  mutating func read(
    _ channel: ChannelName, _ query: HistoryQuery, begins: Bool, now: Int64, maxBytes: Int = HistoryRead.maxBytes
  ) -> HistoryRead {
    if histories[channel] != nil { return use(channel, now: now) { $0.read(query, now: now, maxBytes: maxBytes) } }
    let latest = beginning(of: channel)
    if begins { beginnings[channel] = latest }
    var empty = MemoryHistory(latest: latest, now: now)
    return empty.read(query, now: now, maxBytes: maxBytes)
  }

  /// How many messages of a channel are held.
  mutating func kept(in channel: ChannelName, now: Int64) -> Int {
    histories[channel]?.expire(now: now)
    return histories[channel]?.count ?? 0
  }

  /// Throws away a channel's history; it goes on after what is returned, under an epoch that it never had.
  mutating func clear(_ channel: ChannelName, now: Int64) -> StreamPosition {
    let position = StreamPosition.beginning(.random(in: .min ... .max))
    use(channel, now: now) { $0 = MemoryHistory(latest: position, now: now) }
    return position
  }

  private mutating func use<Result>(
    _ channel: ChannelName, now: Int64, _ body: (inout MemoryHistory) -> Result
  ) -> Result {
    // Taken out meanwhile, so that what it holds is not copied.
    let known = histories.removeValue(forKey: channel)
    if known == nil { order.append(channel) }
    var history = known ?? MemoryHistory(latest: beginning(of: channel), now: now)
    byteCount -= history.byteCount
    beginnings[channel] = nil
    defer {
      byteCount += history.byteCount
      histories[channel] = history
    }
    return body(&history)
  }

  private func beginning(of channel: ChannelName) -> StreamPosition {
    if let told = beginnings[channel] { return told }
    var hasher = Hasher()
    hasher.combine(seed)
    hasher.combine(channel)
    hasher.combine(forgotten[part(of: channel)])
    return .beginning(UInt(bitPattern: hasher.finalize()))
  }

  /// Which of the numbers in `forgotten` is the channel's.
  private func part(of channel: ChannelName) -> Int {
    Int(UInt(bitPattern: channel.hashValue) % UInt(forgotten.count))
  }

  // MARK: Bounds

  /// Nobody listens to the channel any more: where it had no message nothing of it is kept.
  mutating func unheard(_ channel: ChannelName) {
    beginnings[channel] = nil
  }

  /// Throws away what is over, a part at a time: to be called a few times a second. The place of a channel that somebody
  /// listens to stays, since who listens would not learn of another.
  mutating func sweep(now: Int64, sparing hasListeners: (ChannelName) -> Bool) {
    keys.expire(now: now)
    for _ in 0..<min(Self.stride, order.count) {
      guard let channel = order.popFirst(), var history = histories.removeValue(forKey: channel) else { continue }
      byteCount -= history.byteCount
      history.expire(now: now)
      let isOver = histories.count >= maxHistories || now - history.touched >= Self.timeout
      if history.count == 0, isOver, !hasListeners(channel) {
        forgotten[part(of: channel)] += 1
        continue
      }
      byteCount += history.byteCount
      histories[channel] = history
      order.append(channel)
    }
  }

  /// Of a few histories at a time the one that was left alone longest loses what it holds; its position stays.
  private mutating func makeRoom(sparing channel: ChannelName) {
    while byteCount > maxBytes, let victim = nextVictim(sparing: channel) {
      byteCount -= histories[victim]?.byteCount ?? 0
      histories[victim]?.clear()
    }
  }

  private mutating func nextVictim(sparing channel: ChannelName) -> ChannelName? {
    var victim: ChannelName?
    var seen = 0
    for _ in order.indices {
      guard seen < 16, let candidate = order.popFirst() else { break }
      order.append(candidate)
      guard candidate != channel, let history = histories[candidate], history.count > 0 else { continue }
      seen += 1
      if victim.flatMap({ histories[$0]?.touched }) ?? .max > history.touched { victim = candidate }
    }
    return victim ?? (histories[channel]?.count ?? 0 > 0 ? channel : nil)
  }
}
