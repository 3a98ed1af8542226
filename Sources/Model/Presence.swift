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
  /// Nil where only the count was asked for.
  package var members: [Member]?
  package var count: Int

  package init(members: [Member]?, count: Int) {
    self.members = members
    self.count = count
  }
}

/// Who a connection is in a channel's presence.
package struct Occupant: Equatable, Sendable {
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
