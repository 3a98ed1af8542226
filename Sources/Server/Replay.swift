import DequeModule
import Model

/// Messages that a client has missed, on their way into its outbox as fast as the client reads, and what has come since.
struct Replay {
  /// How many bytes of new events may wait behind the old ones.
  static let maxBehind = 1 << 20

  private var frames: Deque<(channel: ChannelName, frame: Frame)> = []
  private var behind = 0

  var isEmpty: Bool { frames.isEmpty }
  /// What comes next.
  var next: Frame? { frames.first?.frame }

  mutating func append(_ entries: [HistoryEntry], of channel: ChannelName) {
    for entry in entries { frames.append((channel, entry.frame)) }
  }

  /// Puts a new event behind everything else; false when too much waits there already.
  mutating func append(behind frame: Frame, of channel: ChannelName) -> Bool {
    guard behind + frame.count <= Self.maxBehind else { return false }
    behind += frame.count
    frames.append((channel, frame))
    return true
  }

  mutating func removeNext() {
    _ = frames.popFirst()
    if frames.isEmpty { behind = 0 }
  }

  /// The client does not want the channel any more.
  mutating func forget(_ channel: ChannelName) {
    frames.removeAll { $0.channel == channel }
  }
}
