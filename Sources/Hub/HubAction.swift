import Cluster
import Model

/// What the hub wants done; its shell does it in order.
package enum HubAction {
  /// Tell the client.
  case reply(SessionID, Reply)
  /// Send the client what it has missed, oldest first; whatever else comes of the channel comes after it.
  case replay(SessionID, ChannelName, epoch: String, [HistoryEntry])
  /// Send the client an event of a channel that was buffered until now.
  case deliver(SessionID, ChannelName, ChannelEvent)
  /// Ask the broker.
  case ask(Asker, Question)
  /// Tell the broker.
  case report(LoopReport)
  /// End the connection.
  case close(SessionID, CloseCause)
}

/// Why the hub ends a connection.
package enum CloseCause: Sendable {
  /// The client has not said in time who it is.
  case noToken
  /// What it has said is not true.
  case invalidToken
  case expiredToken
}

/// How a client wants to be in a channel.
package struct SubscribeOptions: Sendable {
  package var mode: PresenceMode
  /// JSON text that presence shows.
  package var info: String?
  /// From where on it wants what it has missed.
  package var since: Since?

  package init(_ mode: PresenceMode = .none, info: String? = nil, since: Since? = nil) {
    self.mode = mode
    self.info = info
    self.since = since
  }
}
