/// Who an event is for that belongs to no channel.
package enum Addressee: Hashable, Sendable {
  /// Every connection of one user, on all nodes.
  case user(UserName)
  /// Everybody who is connected, on all nodes; not who must say who they are and have not.
  case everybody
}

/// A connection that is open, as the cluster knows it.
package struct OpenConnection: Equatable, Sendable {
  package var client: ClientID
  /// Nil for an anonymous connection, and until it is known whose it is.
  package var user: UserName?
  /// The client's address; nil where it has none, as on a unix socket.
  package var address: String?
  /// When it was opened, in milliseconds since 1970.
  package var since: Int64

  package init(client: ClientID, user: UserName?, address: String?, since: Int64) {
    self.client = client
    self.user = user
    self.address = address
    self.since = since
  }
}

/// Whose connections the broker wants to be told of.
package enum Registrants: Sendable {
  /// Those of users.
  case users
  /// All, anonymous ones too.
  case everybody
  /// None now: the cluster cannot be told. Those that are open are asked for later.
  case nobody
}
