import DequeModule
import Model

/// What has been published under a key lately, of a node that stands alone.
///
/// Keys last equally long, so the queue is in order of time by itself. When there is no room the oldest key is
/// forgotten early.
struct IdempotencyTable {
  /// How long a key is known, in milliseconds.
  static let lifetime: Int64 = 300_000

  /// Compared byte by byte, as Redis does.
  private struct Name: Hashable {
    let channel: ChannelName
    let publisher: IdempotencyKey.Publisher
    let key: ExactString

    init(_ key: IdempotencyKey, _ channel: ChannelName) {
      self.channel = channel
      publisher = key.publisher
      self.key = ExactString(key.key)
    }
  }

  /// The most keys that are known at a time; each with its names takes less than a kilobyte.
  let capacity: Int
  private var receipts: [Name: PublishReceipt] = [:]
  private var queue: Deque<(name: Name, end: Int64)> = []

  init(capacity: Int = 65_536) {
    self.capacity = capacity
  }

  /// Keys known.
  var count: Int { receipts.count }

  /// The answer to a repetition; nil when nothing has been published under that key. Times in milliseconds.
  mutating func receipt(of key: IdempotencyKey, in channel: ChannelName, now: Int64) -> PublishReceipt? {
    expire(now: now)
    return receipts[Name(key, channel)]
  }

  /// Remembers where a message is, or without a position that it is kept nowhere. A key that is known stays as it is.
  mutating func store(_ position: StreamPosition?, under key: IdempotencyKey, in channel: ChannelName, now: Int64) {
    expire(now: now)
    let name = Name(key, channel)
    guard receipts[name] == nil else { return }
    receipts[name] = PublishReceipt(position: position, isDuplicate: true)
    queue.append((name, now + Self.lifetime))
    if queue.count > capacity { forgetOldest() }
  }

  /// Forgets the keys whose time is over.
  mutating func expire(now: Int64) {
    while let first = queue.first, now > first.end { forgetOldest() }
  }

  private mutating func forgetOldest() {
    if let oldest = queue.popFirst() { receipts[oldest.name] = nil }
  }
}
