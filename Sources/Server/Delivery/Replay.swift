import DequeModule
import Model

/// Messages that a client has missed, on their way into its outbox as fast as the client reads, and what has come of their
/// channels since.
struct Replay {
  /// How many bytes of new events may wait behind the old ones.
  static let maxBehind = 1 << 20

  private struct Item {
    let channel: ChannelName
    let frame: Frame
    let mark: StreamMark
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
  var next: Frame? { items.first?.frame }

  /// Whether anything of the channel waits, so that what is newer must not overtake it.
  func contains(_ channel: ChannelName) -> Bool { counts[channel] != nil }

  /// The first of the channel that says where it belongs in the history.
  func firstMark(of channel: ChannelName) -> StreamMark? {
    guard contains(channel) else { return nil }
    return items.first { $0.channel == channel && $0.mark.position != nil }?.mark
  }

  mutating func append(_ entries: [HistoryEntry], under epoch: String, of channel: ChannelName) {
    for entry in entries {
      let mark = StreamMark.message(StreamPosition(epoch: epoch, offset: entry.offset))
      append(Item(channel: channel, frame: entry.frame, mark: mark, isNew: false))
    }
  }

  /// Puts a new event of a channel that waits here behind it; false when too much waits there already.
  mutating func append(behind frame: Frame, _ mark: StreamMark, of channel: ChannelName) -> Bool {
    guard behind + frame.count <= limit else { return false }
    append(Item(channel: channel, frame: frame, mark: mark, isNew: true))
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
    bytes += item.frame.count
    if item.isNew { behind += item.frame.count }
  }

  /// Counts down what an item has taken.
  private mutating func remove(_ item: Item) {
    let left = (counts[item.channel] ?? 1) - 1
    counts[item.channel] = left == 0 ? nil : left
    bytes -= item.frame.count
    if item.isNew { behind -= item.frame.count }
  }
}
