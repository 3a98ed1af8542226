import JSON
import Model

/// Joins, leaves and members.
extension Interchange {
  /// The event that tells a crowded channel's count, and, once it is no longer crowded, its members.
  package static func members(channel: ChannelName, roster: Roster) -> EventText {
    text { writer in
      appendHead("members", channel: channel, to: &writer)
      appendRoster(roster, to: &writer)
    }
  }

  /// The event that a user, or an anonymous connection, has come; `count` as in `Roster`.
  package static func join(
    channel: ChannelName, user: UserName?, client: ClientID, info: String?, count: Int
  ) -> EventText {
    change("join", channel: channel, user: user, client: client, info: info, count: count)
  }

  /// The event that a user's last connection, or an anonymous one, has gone; `count` as in `Roster`.
  package static func leave(
    channel: ChannelName, user: UserName?, client: ClientID, info: String?, count: Int
  ) -> EventText {
    change("leave", channel: channel, user: user, client: client, info: info, count: count)
  }

  /// The text of `join` up to and including `"count":`; the number and a closing brace complete it.
  package static func joinHead(channel: ChannelName, user: UserName?, client: ClientID, info: String?) -> [UInt8] {
    changeHead("join", channel: channel, user: user, client: client, info: info)
  }

  /// The text of `leave` up to and including `"count":`; the number and a closing brace complete it.
  package static func leaveHead(channel: ChannelName, user: UserName?, client: ClientID, info: String?) -> [UInt8] {
    changeHead("leave", channel: channel, user: user, client: client, info: info)
  }

  private static func change(
    _ type: StaticString, channel: ChannelName, user: UserName?, client: ClientID, info: String?, count: Int
  ) -> EventText {
    text { writer in
      appendChangeHead(type, channel: channel, user: user, client: client, info: info, to: &writer)
      writer.append(count)
    }
  }

  private static func changeHead(
    _ type: StaticString, channel: ChannelName, user: UserName?, client: ClientID, info: String?
  ) -> [UInt8] {
    var writer = ByteWriter(capacity: 256)
    appendChangeHead(type, channel: channel, user: user, client: client, info: info, to: &writer)
    return writer.bytes
  }

  private static func appendChangeHead(
    _ type: StaticString, channel: ChannelName, user: UserName?, client: ClientID, info: String?,
    to writer: inout ByteWriter
  ) {
    appendHead(type, channel: channel, to: &writer)
    writer.append(literal: #","user":"#)
    appendName(user, to: &writer)
    if user == nil {
      writer.append(literal: #","client":"#)
      writer.append(quoting: client.string)
    }
    appendInfo(info, to: &writer)
    writer.append(literal: #","count":"#)
  }

  /// Bytes of the largest answer that tells these members: with the longest `id`, channel and place in a history.
  package static func largestAnswer(with roster: Roster) -> Int {
    var counter = ByteCounter()
    appendRoster(roster, to: &counter)
    return counter.count + 1024
  }

  /// `members`, unless only the count was asked for or they are too many, and `count`.
  static func appendRoster(_ roster: Roster, to writer: inout some ByteSink) {
    if let members = roster.members {
      writer.append(literal: #","members":["#)
      for (index, member) in members.enumerated() {
        if index > 0 { writer.append(byte: UInt8(ascii: ",")) }
        appendMember(member, to: &writer)
      }
      writer.append(byte: UInt8(ascii: "]"))
    }
    writer.append(literal: #","count":"#)
    writer.append(roster.count)
    if roster.isTruncated { writer.append(literal: #","truncated":true"#) }
  }

  private static func appendMember(_ member: Member, to writer: inout some ByteSink) {
    writer.append(literal: #"{"user":"#)
    appendName(member.user, to: &writer)
    if member.user == nil, let client = member.client {
      writer.append(literal: #","client":"#)
      writer.append(quoting: client.string)
    }
    writer.append(literal: #","clients":"#)
    writer.append(member.clients)
    appendInfo(member.info, to: &writer)
    writer.append(byte: UInt8(ascii: "}"))
  }

  /// The `info` a client gave, JSON text as it came, or nothing.
  private static func appendInfo(_ info: String?, to writer: inout some ByteSink) {
    guard let info else { return }
    writer.append(literal: #","info":"#)
    writer.append(utf8: info)
  }
}
