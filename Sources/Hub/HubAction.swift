import Model

/// What the hub wants done; its shell does it in order.
package enum HubAction {
  /// Tell the client.
  case reply(SessionID, Reply)
  /// Ask the broker.
  case ask(BrokerRequest)
}

/// What a client is told.
package enum Reply {
  case subscribed(id: RequestID?, ChannelName, Roster?)
  case unsubscribed(id: RequestID?, ChannelName)
  case published(id: RequestID, ChannelName)
  case presence(id: RequestID?, ChannelName, Roster)
  case error(Refusal)
  /// An event of a channel that was held back until now.
  case event(ChannelName, Audience, Frame)
}
