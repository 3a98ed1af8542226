import Cluster
import Model

/// What the hub wants done; its shell does it in order.
package enum HubAction {
  /// Tell the client.
  case reply(SessionID, Reply)
  /// Ask the broker.
  case ask(Asker, Question)
  /// Tell the broker.
  case report(LoopReport)
  /// End the connection.
  case close(SessionID, CloseCode, reason: String)
}

/// What a client is told.
package enum Reply {
  case subscribed(id: RequestID?, ChannelName, SubscribedStream?, Roster?)
  case unsubscribed(id: RequestID?, ChannelName)
  case published(id: RequestID, ChannelName, PublishReceipt)
  case signalled(id: RequestID, ChannelName)
  /// Whether a live node has taken what was sent to a user.
  case sent(id: RequestID, online: Bool)
  case history(id: RequestID?, ChannelName, HistoryRead)
  /// What was missed, oldest first; whatever else comes of the channel comes behind it.
  case replay(ChannelName, epoch: String, [HistoryEntry])
  case presence(id: RequestID?, ChannelName, Roster)
  case authenticated(id: RequestID?, Identity)
  /// The token ends in so many milliseconds.
  case expiring(in: Int64)
  /// The connection may not be in the channel any more.
  case expelled(ChannelName)
  case error(Refusal)
  /// An event of a channel that was held back until now.
  case event(ChannelName, Audience, Frame, StreamMark)
}

/// What a subscriber is told of a channel that keeps history.
package struct SubscribedStream: Equatable, Sendable {
  /// The next message has the offset behind it.
  package var position: StreamPosition
  /// Whether all that was missed comes now; nil for a client that did not ask for it.
  package var isRecovered: Bool?

  package init(position: StreamPosition, isRecovered: Bool?) {
    self.position = position
    self.isRecovered = isRecovered
  }
}

/// How a client wants to be in a channel.
package struct SubscribeWish: Sendable {
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
