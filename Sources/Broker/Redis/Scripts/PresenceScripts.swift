import Model
import Protocol
import Redis

/// Makes the calls of the scripts `join`, `leave` and `roster`.
struct PresenceScripts {
  let keys: RedisKeys

  /// A membership that is to end.
  struct Leaver {
    let client: ClientID
    let user: UserName?
    /// The entry that must still be there; nil for whatever it is.
    var entry: [UInt8]?
  }

  /// Makes a connection of that node a member, or brings its entry up to date; `since` in milliseconds since 1970.
  ///
  /// `isAgain` after a lost connection to Redis, where it was a member before: a full Redis takes it, too.
  func join(
    _ connection: MemberConnection, _ channel: ChannelName, node: String, since: Int, isAgain: Bool
  ) -> ScriptCall {
    let entry = PresenceEntry(user: connection.user, node: node, since: since, info: connection.info)
    let head = Interchange.joinHead(
      channel: channel, user: connection.user, client: connection.client, info: connection.info)
    return ScriptCall(
      script: .join,
      keys: [keys.node(node), keys.presence(channel), keys.users(channel), keys.channels(ofNode: node)],
      arguments: [
        .text(connection.client.string), .bytes(entry.encoded()), .text(connection.user?.string ?? ""),
        .text(channel.string), .text(keys.messages(channel)), .bytes(head), isAgain ? "1" : "0",
      ])
  }

  /// Ends memberships; the answer is how many of them there were.
  func leave(_ leavers: [Leaver], _ channel: ChannelName) -> ScriptCall {
    var arguments: [ScriptArgument] = [.text(keys.messages(channel))]
    for leaver in leavers {
      let head = Interchange.leaveHead(channel: channel, user: leaver.user, client: leaver.client, info: nil)
      arguments += [
        .text(leaver.client.string), .text(leaver.user?.string ?? ""), .bytes(head), .bytes(leaver.entry ?? []),
      ]
    }
    return ScriptCall(script: .leave, keys: [keys.presence(channel), keys.users(channel)], arguments: arguments)
  }

  /// Asks who is in a channel; members are left out where they take more than `maxBytes`. `RosterReply` reads the
  /// answer.
  func roster(_ channel: ChannelName, onlyCount: Bool, maxBytes: Int) -> ScriptCall {
    ScriptCall(
      script: .roster, keys: [keys.presence(channel), keys.users(channel)],
      arguments: [onlyCount ? "1" : "0", .text(String(Roster.maxConnections)), .text(String(maxBytes))])
  }
}

/// Reads what the script `roster` answers.
enum RosterReply {
  /// Entries that are none are left out: other programs may have written them.
  static func read(_ reply: RedisReplyView, onlyCount: Bool, maxBytes: Int) -> Roster {
    let count = reply[0]?.integer ?? 0
    guard !onlyCount else { return Roster(members: nil, count: count) }
    guard let entries = reply[1] else { return .truncated(count: count) }
    var builder = RosterBuilder()
    for (field, value) in entries.pairs {
      guard let entry = PresenceEntry(parsing: value.bytes) else { continue }
      builder.add(client: ClientID(field.string), user: entry.user, info: entry.info, since: Int64(entry.since))
    }
    return builder.roster(maxBytes: maxBytes)
  }
}
