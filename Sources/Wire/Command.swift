import Model

/// What a client asks for in one text message.
package enum Command: Equatable, Sendable {
  case subscribe(SubscribeCommand)
  case unsubscribe(channel: ChannelName, id: RequestID?)
  case publish(PublishCommand)
  /// Who is in the channel; `onlyCount` leaves the members out.
  case presence(channel: ChannelName, onlyCount: Bool, id: RequestID?)
  case ping(id: RequestID?)
  /// Who the client is, by a token that nobody has looked into yet.
  case auth(token: String, id: RequestID?)

  /// What the client calls it.
  package var id: RequestID? {
    switch self {
    case .subscribe(let command): command.id
    case .publish(let command): command.id
    case .unsubscribe(_, let id), .presence(_, _, let id), .ping(let id), .auth(_, let id): id
    }
  }
}

/// To listen to a channel.
package struct SubscribeCommand: Equatable, Sendable {
  /// The longest `info`, in bytes of JSON text.
  package static let maxInfoLength = 1024

  package var channel: ChannelName
  package var id: RequestID?
  package var presence: PresenceMode
  /// JSON text exactly as it came.
  package var info: String?

  package init(channel: ChannelName, id: RequestID? = nil, presence: PresenceMode = .none, info: String? = nil) {
    self.channel = channel
    self.id = id
    self.presence = presence
    self.info = info
  }
}

/// To send data to everybody who listens to a channel.
package struct PublishCommand: Equatable, Sendable {
  package var channel: ChannelName
  package var id: RequestID?
  /// Where the value of `data` stands in the scanned bytes: valid JSON, without the space around it.
  package var data: Range<Int>
  /// Whether the sender, too, is to have the message.
  package var echo: Bool

  package init(channel: ChannelName, id: RequestID? = nil, data: Range<Int>, echo: Bool = true) {
    self.channel = channel
    self.id = id
    self.data = data
    self.echo = echo
  }
}
