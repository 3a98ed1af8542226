import Model

/// What the hub knows of one connection.
struct Session {
  let id: SessionID
  let client: ClientID
  /// Nil while, or where, it is not known whose connection this is.
  var identity: Identity?
  var bucket: TokenBucket
  /// The bucket of its user.
  var rate: SharedTokenBucket?
  /// When something has to be done about who it belongs to, in milliseconds since 1970.
  var due = Int64.max
  /// In the order of subscribing; at most the limit of channels per connection.
  var subscriptions: [Subscription] = []

  var user: UserName? { identity?.user }

  func subscription(to channel: ChannelIndex) -> Int? {
    subscriptions.firstIndex { $0.channel == channel }
  }
}

/// A connection's place in a channel.
struct Subscription {
  let channel: ChannelIndex
  /// The connection's position among the channel's listeners; -1 while it is not one yet, or events are buffered for it.
  var listener: Int32 = -1
  /// The connection's position among those told of joins and leaves; -1 when it is not told.
  var watcher: Int32 = -1
  var mode = PresenceMode.none
  /// Whether the server has put the connection here, so that neither rules nor grants take it out.
  var isByServer = false
  /// Whether the client was told that it is in the channel.
  var isLive = false
}

/// A channel's number within one hub: names are looked up once per command or message, never per listener.
struct ChannelIndex: Hashable {
  let value: Int32
}
