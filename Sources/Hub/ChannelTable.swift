import Cluster
import Model

/// A channel with at least one connection of this loop in it.
struct Channel {
  let name: ChannelName
  let keyspace: KeyspaceIndex
  /// Nil where the rules forbid the channel.
  var rule: ChannelRule?
  /// Slots of the connections that get its messages; without those for which events are buffered.
  var listeners: [UInt32] = []
  /// Slots of those among them that are told of joins and leaves.
  var watchers: [UInt32] = []
  /// Slots of connections whose subscribe is under way.
  var pending: [UInt32] = []
  /// How many of those wait for the history or the roster: events are buffered for them.
  var buffering = 0
  /// Whether the broker has confirmed that everything published from now on arrives.
  var isAttached = false

  var isUnused: Bool { listeners.isEmpty && pending.isEmpty }
}

/// The channels of one loop, by name and by number.
struct ChannelTable {
  let keyspaces: KeyspaceMap
  private var channels: [Channel?] = []
  private var numbers: [ChannelName: ChannelIndex] = [:]
  private var free: [ChannelIndex] = []

  init(_ keyspaces: KeyspaceMap) {
    self.keyspaces = keyspaces
  }

  var count: Int { numbers.count }

  func index(of name: ChannelName) -> ChannelIndex? { numbers[name] }

  /// The channel's number; `isNew` when this call has made it.
  mutating func intern(_ name: ChannelName, rule: ChannelRule?) -> (index: ChannelIndex, isNew: Bool) {
    if let index = numbers[name] { return (index, false) }
    let index = free.popLast() ?? ChannelIndex(value: Int32(channels.count))
    if Int(index.value) == channels.count { channels.append(nil) }
    channels[Int(index.value)] = Channel(name: name, keyspace: keyspaces.index(of: name), rule: rule)
    numbers[name] = index
    return (index, true)
  }

  mutating func remove(_ index: ChannelIndex) {
    guard let channel = channels[Int(index.value)] else { return }
    numbers[channel.name] = nil
    channels[Int(index.value)] = nil
    free.append(index)
  }

  /// The channel of a number that is in use; numbers come from `intern` and live until `remove`.
  subscript(index: ChannelIndex) -> Channel {
    _read {
      guard let channel = channels[Int(index.value)] else { preconditionFailure("channel \(index.value) is gone") }
      yield channel
    }
    _modify {
      guard channels[Int(index.value)] != nil else { preconditionFailure("channel \(index.value) is gone") }
      yield &channels[Int(index.value)]!
    }
  }

  /// Gives every channel the rule it has by now.
  mutating func adopt(_ rules: ChannelRules) {
    for index in channels.indices {
      guard let name = channels[index]?.name else { continue }
      channels[index]?.rule = rules.rule(for: name)
    }
  }

  /// Marks the channels of a keyspace as unconfirmed, because its link was lost.
  mutating func detachAll(of keyspace: KeyspaceIndex) {
    for index in channels.indices where channels[index]?.keyspace == keyspace { channels[index]?.isAttached = false }
  }

  /// The channels that have a listener, of so many places from `start` on; `next` is where to go on, nil at the end.
  func census(from start: Int, places: Int) -> (sizes: [ChannelSize], next: Int?) {
    var sizes: [ChannelSize] = []
    let end = min(start + places, channels.count)
    for place in start..<max(start, end) {
      // Not the channel, which is copied with its arrays.
      guard let count = channels[place]?.listeners.count, count > 0, let name = channels[place]?.name else { continue }
      sizes.append(ChannelSize(name, subscribers: count))
    }
    return (sizes, end < channels.count ? end : nil)
  }

  /// The numbers of all channels.
  var indices: [ChannelIndex] { Array(numbers.values) }
}
