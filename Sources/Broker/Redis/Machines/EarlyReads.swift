import Cluster
import Model

/// Reads for subscribes that have come by the command link before the messages that they tell of have come by the
/// other, without any I/O: those are for whoever listened before, and must not come behind the answer.
///
/// All keyspaces of a node share the room for them.
struct EarlyReads {
  struct Read {
    let request: ReadQueue.Request
    let readers: [Caller]
    let read: HistoryRead
    /// The epoch of the channel's position when it began to wait.
    let epoch: String?
    /// When, in milliseconds.
    let since: Int64
  }

  /// The room for reads that wait, in a node.
  final class Room {
    /// How many bytes of messages may wait in all.
    static let maxBytes = 64 << 20

    fileprivate(set) var bytes = 0
  }

  /// How long one waits, in milliseconds.
  static let timeout: Int64 = 10_000
  /// How long until what is missing is looked for.
  static let lateness: Int64 = 1_000

  private var reads: [ChannelName: [Read]] = [:]
  private let room: Room

  init(sharing room: Room) {
    self.room = room
  }

  var isEmpty: Bool { reads.isEmpty }

  /// Keeps a read; false when too much waits.
  mutating func add(_ read: Read) -> Bool {
    guard room.bytes + read.read.byteCount <= Room.maxBytes else { return false }
    room.bytes += read.read.byteCount
    reads[read.request.channel, default: []].append(read)
    return true
  }

  /// Takes out all of a channel.
  mutating func take(_ channel: ChannelName) -> [Read] {
    let taken = reads.removeValue(forKey: channel) ?? []
    for read in taken { room.bytes -= read.read.byteCount }
    return taken
  }

  mutating func takeAll() -> [Read] {
    Array(reads.keys).flatMap { take($0) }
  }

  /// The channels of those that have waited for longer than they should.
  func late(now: Int64) -> [ChannelName] {
    reads.keys.filter { channel in reads[channel]?.contains { now - $0.since > Self.lateness } ?? false }
  }

  /// Takes out those that have waited too long.
  mutating func takeOverdue(now: Int64) -> [Read] {
    var overdue: [Read] = []
    for channel in Array(reads.keys) {
      for read in take(channel) {
        if now - read.since > Self.timeout { overdue.append(read) } else { _ = add(read) }
      }
    }
    return overdue
  }

  /// Forgets those of channels that nobody listens to.
  mutating func forget(allBut isWanted: (ChannelName) -> Bool) {
    for channel in Array(reads.keys) where !isWanted(channel) { _ = take(channel) }
  }
}
