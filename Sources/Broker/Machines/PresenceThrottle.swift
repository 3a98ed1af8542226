import Model

/// Tells joins and leaves of small channels one by one, and of large ones only the count, without any I/O.
///
/// Above 200 users a channel's watchers hear at most once a second how many there are; when fewer than 150 are left
/// they get the full roster once and then single events again. The gap between the two keeps a channel at the border
/// from going to and fro.
struct PresenceThrottle {
  enum Decision: Equatable {
    /// Deliver the event as it is.
    case tell
    /// Deliver nothing now; `due` will have the count.
    case hold
    /// Deliver the full roster instead.
    case roster
  }

  static let enter = 200
  static let leave = 150
  /// Milliseconds between two counts of one channel.
  static let interval: Int64 = 1000

  private struct Channel {
    var count: Int
    /// When the count was told last.
    var told: Int64
    var isDirty: Bool
  }

  private var channels: [ChannelName: Channel] = [:]

  /// Whether any channel has a count waiting to be told.
  var isWaiting: Bool { channels.values.contains { $0.isDirty } }

  /// A join or leave has come that makes the channel's count `count`.
  mutating func changed(_ channel: ChannelName, count: Int) -> Decision {
    guard let known = channels[channel] else {
      guard count > Self.enter else { return .tell }
      channels[channel] = Channel(count: count, told: .min, isDirty: true)
      return .hold
    }
    if count < Self.leave {
      channels[channel] = nil
      return .roster
    }
    channels[channel] = Channel(count: count, told: known.told, isDirty: true)
    return .hold
  }

  /// The counts that are to be told now.
  mutating func due(now: Int64) -> [(channel: ChannelName, count: Int)] {
    var due: [(channel: ChannelName, count: Int)] = []
    for (name, channel) in channels
    where channel.isDirty && (channel.told == .min || now - channel.told >= Self.interval) {
      due.append((name, channel.count))
      channels[name] = Channel(count: channel.count, told: now, isDirty: false)
    }
    return due
  }

  /// The channel has no listener on this node any more.
  mutating func forget(_ channel: ChannelName) {
    channels[channel] = nil
  }
}
