import Model

/// What a loop tells the broker; nothing of it is refused.
package enum LoopReport: Sendable {
  /// The loop has its first listener of the channel; it hears `attached`.
  case attach(ChannelName)
  /// The loop has no listener of the channel any more.
  case detach(ChannelName)
  /// The entry of a member is another from now on.
  case update(MemberConnection, ChannelName)
  /// Ends a membership, at once or after the grace for lost connections.
  case leave(ClientID, ChannelName, lost: Bool)
  /// A connection is open, or it is known only now whose it is: where that is another keyspace it was `disconnected` in
  /// the one before.
  case connected(OpenConnection)
  /// A connection that was told of by `connected` or `openConnections` is gone.
  case disconnected(ClientID, UserName?)
  /// Connections of a keyspace that are open, asked for by `reportConnections`; those from the slot `next` on have not
  /// been told of yet.
  case openConnections(KeyspaceIndex, [OpenConnection], next: UInt32?)
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
