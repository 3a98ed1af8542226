import Model

/// What the hub wants done; its shell does it in order.
package enum HubAction {
  /// Tell the client.
  case reply(SessionID, Reply)
  /// Ask the broker.
  case ask(BrokerRequest)
  /// End the connection.
  case close(SessionID, CloseCode, reason: String)
}

/// What a client is told.
package enum Reply {
  case subscribed(id: RequestID?, ChannelName, Roster?)
  case unsubscribed(id: RequestID?, ChannelName)
  case published(id: RequestID, ChannelName)
  case presence(id: RequestID?, ChannelName, Roster)
  case authenticated(id: RequestID?, UserName, expires: Int64?)
  /// The token ends in so many milliseconds.
  case expiring(in: Int64)
  /// The connection may not be in the channel any more.
  case expelled(ChannelName)
  case error(Refusal)
  /// An event of a channel that was held back until now.
  case event(ChannelName, Audience, Frame)
}
