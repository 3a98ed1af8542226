/// What an `ApusClient` tells of, in the order in which it came.
public enum ClientEvent: Sendable, Equatable {
  /// A node has taken the client in: the first time, or again after a lost connection.
  case connected(Welcome)
  /// The connection is gone; the client comes back by itself after `retryAfter` milliseconds.
  case disconnected(ApusClientError, retryAfter: Int)
  /// From now on everything published in the channel arrives: after `subscribe`, and again after each lost connection.
  case subscribed(Subscription)
  /// The channel's messages arrive no longer, though nobody asked for that: the node says why.
  case unsubscribed(channel: String, reason: String)
  /// Somebody published in a channel.
  case message(Message)
  /// Somebody published bytes in a channel; `offset` as in `Message`.
  case binary(channel: String, payload: [UInt8], offset: Int?)
  /// A user, or an anonymous connection, has come to a channel; `count` is how many there are now.
  case joined(channel: String, Member, count: Int)
  /// The last connection of a user has left a channel.
  case left(channel: String, Member, count: Int)
  /// How many are in a large channel; with `members` all of them, when single joins and leaves begin again. They are nil
  /// then, too, where they are too large to be told.
  case members(channel: String, [Member]?, count: Int)
  /// Messages of the channel may have been missed and cannot be had any more: fetch the state anew.
  case gap(channel: String)
  /// The node goes away; the client moves to another one within that many milliseconds, without being asked.
  case draining(after: Int)
  /// The token ends in that many milliseconds: the client renews it without being asked, if it has a `TokenProvider`.
  case expiring(within: Int)
  /// The token was not renewed. The connection goes on until the token expires; the next one is made with a new token.
  case renewalFailed(ApusClientError)
  /// Something this client does not know, as its JSON text: of a later version, or an error that answers nothing.
  case other(json: String)
}

/// The node's first words on a connection.
public struct Welcome: Sendable, Equatable {
  /// What the node calls this connection.
  public let clientID: String
  public let node: String
  /// Nil for an anonymous client.
  public let user: String?
}

/// A channel whose messages arrive.
public struct Subscription: Sendable, Equatable {
  public let channel: String
  /// After a lost connection: whether everything that was published meanwhile follows, each message once.
  public let recovered: Bool
  /// Where the channel's history stands; nil for channels that keep none.
  public let position: Position?
  /// Who is there; nil without presence, and where they are too many or too large to be told.
  public let members: [Member]?
}

/// How a subscriber takes part in a channel's presence.
public enum Presence: Sendable {
  /// Not at all.
  case none
  /// Is told who comes and goes without being seen.
  case watch
  /// Is seen, and is told.
  case member
}

/// One message of a channel.
public struct Message: Sendable, Equatable {
  public let channel: String
  /// The user who published it; nil for anonymous senders and for the API.
  public let from: String?
  /// The connection that published it; nil for the API.
  public let client: String?
  /// JSON text exactly as it was published.
  public let data: String
  /// Its place in the channel's history; nil for channels that keep none.
  public let offset: Int?
  /// Milliseconds since 1970.
  public let timestamp: Int
}

/// One user in a channel with all their connections, or one anonymous connection.
public struct Member: Sendable, Equatable {
  /// Nil for an anonymous connection, which then has `client`.
  public let user: String?
  public let client: String?
  /// JSON text that the member has given about itself.
  public let info: String?
}

/// A place in the history of a channel: its `offset`-th message since the beginning of `epoch`.
public struct Position: Sendable, Equatable {
  public let epoch: String
  public let offset: Int

  public init(epoch: String, offset: Int) {
    self.epoch = epoch
    self.offset = offset
  }
}

/// From where on a subscriber wants what was published.
public enum RecoveryPoint: Sendable, Equatable {
  /// After the message of that place.
  case position(Position)
  /// After that moment, in milliseconds since 1970.
  case time(Int)
}
