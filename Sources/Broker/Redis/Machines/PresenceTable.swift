import Model

/// The memberships of this node's connections, as they are meant to be, without any I/O.
///
/// Redis is brought in line with this table: each change is sent at once, and after a lost connection everything that
/// was not confirmed is sent again, which the scripts bear.
struct PresenceTable {
  struct Membership {
    var connection: MemberConnection
    /// When the connection entered: milliseconds since 1970.
    let since: Int
    /// Changes with every change of mind, so that the answer to an older command is recognised.
    var version: UInt64
    /// Whether it is to be in Redis; one that is not waits for Redis to confirm that it is gone.
    var isWanted = true
    /// A lost connection whose grace is running.
    var isLost = false
  }

  private var channels: [ChannelName: [ClientID: Membership]] = [:]
  private var versions: UInt64 = 0

  var isEmpty: Bool { channels.isEmpty }

  func membership(_ client: ClientID, in channel: ChannelName) -> Membership? {
    channels[channel]?[client]
  }

  func isWanted(_ client: ClientID, in channel: ChannelName) -> Bool {
    membership(client, in: channel)?.isWanted ?? false
  }

  /// Whether anybody is a member who has not left.
  var hasWanted: Bool { channels.values.contains { $0.values.contains(where: \.isWanted) } }

  /// All memberships, in no order.
  var all: [(channel: ChannelName, membership: Membership)] {
    channels.flatMap { channel, members in members.values.map { (channel, $0) } }
  }

  /// A connection enters, or changes its info.
  mutating func enter(_ connection: MemberConnection, _ channel: ChannelName, now: Int) -> Membership {
    let since = membership(connection.client, in: channel)?.since ?? now
    let membership = Membership(connection: connection, since: since, version: nextVersion())
    channels[channel, default: [:]][connection.client] = membership
    return membership
  }

  /// A member's connection was lost; false when it is none.
  mutating func lose(_ client: ClientID, _ channel: ChannelName) -> Bool {
    guard isWanted(client, in: channel) else { return false }
    channels[channel]?[client]?.isLost = true
    return true
  }

  /// A membership is to end: what has to be told to Redis, or nil when there is none.
  mutating func leave(_ client: ClientID, _ channel: ChannelName) -> Membership? {
    guard isWanted(client, in: channel) else { return nil }
    let version = nextVersion()
    channels[channel]?[client]?.isWanted = false
    channels[channel]?[client]?.version = version
    return membership(client, in: channel)
  }

  /// Redis has confirmed the end of a membership; true when it was the channel's last of this node.
  mutating func left(_ client: ClientID, _ channel: ChannelName, version: UInt64) -> Bool {
    guard membership(client, in: channel)?.version == version else { return false }
    channels[channel]?[client] = nil
    guard channels[channel]?.isEmpty == true else { return false }
    channels[channel] = nil
    return true
  }

  private mutating func nextVersion() -> UInt64 {
    versions += 1
    return versions
  }
}
