/// How a subscriber takes part in a channel's presence.
package enum PresenceMode: UInt8, Sendable {
  /// Not at all.
  case none
  /// Is told of joins and leaves without being a member.
  case watch
  /// Is a member, and is told.
  case member
}

/// One entry of a channel's presence as clients see it: a user with all their connections, or one anonymous connection.
package struct Member: Equatable, Sendable {
  /// Nil for an anonymous connection, which then shows `client`.
  package var user: UserName?
  package var client: ClientID?
  /// How many of the user's connections are in the channel.
  package var clients: Int
  /// JSON text as the client gave it.
  package var info: String?

  package init(user: UserName?, client: ClientID?, clients: Int, info: String?) {
    self.user = user
    self.client = client
    self.clients = clients
    self.info = info
  }
}

/// Who is in a channel. `count` is the number of users plus the number of anonymous connections.
package struct Roster: Equatable, Sendable {
  /// The most connections of a channel whose members are told.
  package static let maxConnections = 1000
  /// The most bytes of an answer that tells members.
  package static let maxBytes = 512 << 10

  /// Nil where only the count was asked for, and where they are too many.
  package var members: [Member]?
  package var count: Int
  /// Whether members were asked for and are left out, because they are too many or too large.
  package var isTruncated: Bool

  package init(members: [Member]?, count: Int, isTruncated: Bool = false) {
    self.members = members
    self.count = count
    self.isTruncated = isTruncated
  }

  /// The count in the place of members that are too many.
  package static func truncated(count: Int) -> Roster {
    Roster(members: nil, count: count, isTruncated: true)
  }

  /// Bytes of its members, roughly.
  package var byteCount: Int {
    (members ?? []).reduce(0) { $0 + 32 + ($1.user?.string.utf8.count ?? 0) + ($1.info?.utf8.count ?? 0) }
  }
}

/// Who a connection is in a channel's presence.
package struct MemberConnection: Equatable, Sendable {
  /// The longest `info`, in bytes of JSON text.
  package static let maxInfoLength = 1024

  package var client: ClientID
  package var user: UserName?
  /// JSON text as the client gave it.
  package var info: String?

  package init(client: ClientID, user: UserName?, info: String?) {
    self.client = client
    self.user = user
    self.info = info
  }
}
