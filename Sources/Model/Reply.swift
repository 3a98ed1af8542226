/// What a client is told that is not an event of a channel: answers to its commands, and what concerns its connection.
package enum Reply: Sendable {
  /// The first thing of a connection.
  case connected(Greeting)
  /// `roster` for those who take part in presence; `byServer` where the client has not asked for it.
  case subscribed(id: RequestID?, ChannelName, SubscribedStream?, Roster?, byServer: Bool = false)
  case unsubscribed(id: RequestID?, ChannelName)
  /// The connection may not be in the channel any more, or was taken out.
  case unsubscribedByServer(ChannelName)
  case published(id: RequestID, ChannelName, PublishReceipt)
  case signalled(id: RequestID, ChannelName)
  /// Whether a live node has taken what was sent to a user.
  case sent(id: RequestID, online: Bool)
  case history(id: RequestID?, ChannelName, HistoryRead)
  case presence(id: RequestID?, ChannelName, Roster)
  /// `warning` is a sentence for people.
  case authenticated(id: RequestID?, Identity, warning: String?)
  /// The token ends in so many milliseconds.
  case expiring(in: Int64)
  /// To `ping`; milliseconds since 1970.
  case pong(id: RequestID?, time: Int64)
  /// To `request`: a result, or what the backend calls an error; JSON text.
  case response(id: RequestID?, Result<String, MethodError>)
  /// To a message of JSON-RPC: JSON text.
  case rpc(String)
  /// The node goes away: the client is to connect elsewhere after so many milliseconds.
  case drain(after: Int)
  case error(Refusal)
}

/// Why a method has no result, as the backend says it.
package struct MethodError: Error, Sendable {
  /// JSON text.
  package var json: String

  package init(json: String) {
    self.json = json
  }
}

/// What a client is told when its connection is open.
package struct Greeting: Sendable {
  package var client: ClientID
  /// As whom it publishes by commands over HTTP; nil for a WebSocket, which publishes as itself.
  package var author: ClientID?
  package var node: NodeID
  package var user: UserName?
  /// In milliseconds.
  package var pingInterval: Int64
  /// In bytes.
  package var maxMessageSize: Int
  /// A sentence for people.
  package var warning: String?

  package init(
    client: ClientID, author: ClientID? = nil, node: NodeID, user: UserName?, pingInterval: Int64,
    maxMessageSize: Int, warning: String? = nil
  ) {
    self.client = client
    self.author = author
    self.node = node
    self.user = user
    self.pingInterval = pingInterval
    self.maxMessageSize = maxMessageSize
    self.warning = warning
  }
}

/// What a subscriber is told of a channel that keeps history.
package struct SubscribedStream: Equatable, Sendable {
  /// The next message has the offset after it.
  package var position: StreamPosition
  /// Whether all that was missed comes now; nil for a client that did not ask for it.
  package var isRecovered: Bool?

  package init(position: StreamPosition, isRecovered: Bool?) {
    self.position = position
    self.isRecovered = isRecovered
  }
}
