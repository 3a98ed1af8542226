import DequeModule
import Model

/// Messages that a client has missed, on their way into its outbox as fast as the client reads, and what has come of their
/// channels since.
struct RecoveryQueue {
  /// How many bytes of new events may wait behind the old ones.
  static let maxBehind = 1 << 20

  private struct Item {
    let channel: ChannelName
    let event: ChannelEvent
    /// Whether it has come behind what was missed.
    let isNew: Bool
  }

  private let limit: Int
  private var items: Deque<Item> = []
  /// How many items of each channel wait.
  private var counts: [ChannelName: Int] = [:]
  /// What waits, in bytes.
  private(set) var bytes = 0
  /// How much of it is new.
  private var behind = 0

  init(maxBehind: Int) {
    limit = maxBehind
  }

  var isEmpty: Bool { items.isEmpty }
  /// What comes next.
  var next: (ChannelEvent, ChannelName)? { items.first.map { ($0.event, $0.channel) } }

  /// Whether anything of the channel waits, so that what is newer must not overtake it.
  func contains(_ channel: ChannelName) -> Bool { counts[channel] != nil }

  /// The first of the channel that says where it belongs in the history.
  func firstWithPosition(of channel: ChannelName) -> ChannelEvent? {
    guard contains(channel) else { return nil }
    return items.first { $0.channel == channel && $0.event.position != nil }?.event
  }

  mutating func append(_ entries: [HistoryEntry], under epoch: String, of channel: ChannelName) {
    for entry in entries { append(Item(channel: channel, event: entry.event(under: epoch), isNew: false)) }
  }

  /// Puts a new event of a channel that waits here behind it; false when too much waits there already.
  mutating func append(new event: ChannelEvent, of channel: ChannelName) -> Bool {
    guard behind + event.text.count <= limit else { return false }
    append(Item(channel: channel, event: event, isNew: true))
    return true
  }

  mutating func removeNext() {
    if let item = items.popFirst() { remove(item) }
  }

  /// The client does not want the channel any more.
  mutating func forget(_ channel: ChannelName) {
    guard contains(channel) else { return }
    for item in items where item.channel == channel { remove(item) }
    items.removeAll { $0.channel == channel }
  }

  private mutating func append(_ item: Item) {
    items.append(item)
    counts[item.channel, default: 0] += 1
    bytes += item.event.text.count
    if item.isNew { behind += item.event.text.count }
  }

  /// Counts down what an item has taken.
  private mutating func remove(_ item: Item) {
    let left = (counts[item.channel] ?? 1) - 1
    counts[item.channel] = left == 0 ? nil : left
    bytes -= item.event.text.count
    if item.isNew { behind -= item.event.text.count }
  }
}
