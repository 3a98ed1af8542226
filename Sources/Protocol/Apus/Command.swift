import Model

/// What a client asks for in one text message.
package enum Command: Equatable, Sendable {
  case subscribe(SubscribeCommand)
  case unsubscribe(channel: ChannelName, id: RequestID?)
  case publish(PublishCommand)
  /// Who is in the channel; `onlyCount` leaves the members out.
  case presence(channel: ChannelName, onlyCount: Bool, id: RequestID?)
  case ping(id: RequestID?)
  /// A fleeting event for everybody else in the channel.
  case signal(SignalCommand)
  /// What was published to the channel: since then, or the newest messages.
  case history(channel: ChannelName, since: Since?, limit: Int, id: RequestID?)
  /// Data for every connection of one user.
  case send(SendCommand)
  /// Something to be done and answered: by the node itself, or by the backend.
  case request(RequestCommand)
  /// No command of ours: the message is JSON-RPC, for `RPCScanner` to read.
  case jsonRPC
  /// Who the client is, by a token that nobody has looked into yet.
  case auth(token: String, id: RequestID?)

  /// What the client calls it.
  package var id: RequestID? {
    switch self {
    case .subscribe(let command): command.id
    case .publish(let command): command.id
    case .signal(let command): command.id
    case .send(let command): command.id
    case .request(let command): command.id
    case .jsonRPC: nil
    case .unsubscribe(_, let id), .presence(_, _, let id), .ping(let id), .auth(_, let id),
      .history(_, _, _, let id):
      id
    }
  }
}

extension Command {
  /// The same command by another id.
  package func named(_ id: RequestID) -> Command {
    switch self {
    case .subscribe(var command):
      command.id = id
      return .subscribe(command)
    case .publish(var command):
      command.id = id
      return .publish(command)
    case .signal(var command):
      command.id = id
      return .signal(command)
    case .send(var command):
      command.id = id
      return .send(command)
    case .request(var command):
      command.id = id
      return .request(command)
    case .unsubscribe(let channel, _): return .unsubscribe(channel: channel, id: id)
    case .presence(let channel, let onlyCount, _): return .presence(channel: channel, onlyCount: onlyCount, id: id)
    case .ping: return .ping(id: id)
    case .history(let channel, let since, let limit, _):
      return .history(channel: channel, since: since, limit: limit, id: id)
    case .jsonRPC: return .jsonRPC
    case .auth(let token, _): return .auth(token: token, id: id)
    }
  }
}

/// To listen to a channel.
package struct SubscribeCommand: Equatable, Sendable {
  package var channel: ChannelName
  package var id: RequestID?
  package var presence: PresenceMode
  /// JSON text exactly as it came.
  package var info: String?
  /// From where on the client wants what it has missed.
  package var since: Since?

  package init(
    channel: ChannelName, id: RequestID? = nil, presence: PresenceMode = .none, info: String? = nil,
    since: Since? = nil
  ) {
    self.channel = channel
    self.id = id
    self.presence = presence
    self.info = info
    self.since = since
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
  /// What makes a repetition known, at most `maxKeyLength` bytes.
  package var key: String?

  /// The longest `key`, in bytes of UTF-8.
  package static let maxKeyLength = 64

  package init(channel: ChannelName, id: RequestID? = nil, data: Range<Int>, echo: Bool = true, key: String? = nil) {
    self.channel = channel
    self.id = id
    self.data = data
    self.echo = echo
    self.key = key
  }
}

/// To send something fleeting to everybody else who listens to a channel.
package struct SignalCommand: Equatable, Sendable {
  /// The longest `event`, in bytes of UTF-8.
  package static let maxEventLength = 64

  package var channel: ChannelName
  package var id: RequestID?
  package var event: String
  /// Where the value of `data` stands in the scanned bytes; nil where there is none.
  package var data: Range<Int>?

  package init(channel: ChannelName, id: RequestID? = nil, event: String, data: Range<Int>? = nil) {
    self.channel = channel
    self.id = id
    self.event = event
    self.data = data
  }
}

/// To send data to every connection of one user.
package struct SendCommand: Equatable, Sendable {
  package var user: UserName
  package var id: RequestID?
  /// Where the value of `data` stands in the scanned bytes: valid JSON, without the space around it.
  package var data: Range<Int>

  package init(to user: UserName, id: RequestID? = nil, data: Range<Int>) {
    self.user = user
    self.id = id
    self.data = data
  }
}

/// How much of a history one command brings.
package enum HistoryLimit {
  /// Messages.
  package static let most = 100
}

/// To have something done and answered.
package struct RequestCommand: Equatable, Sendable {
  /// The longest `method`, in bytes of UTF-8.
  package static let maxMethodLength = 128

  package var id: RequestID?
  package var method: String
  /// Where the value of `params` stands in the scanned bytes; nil where there is none.
  package var params: Range<Int>?

  package init(id: RequestID? = nil, method: String, params: Range<Int>? = nil) {
    self.id = id
    self.method = method
    self.params = params
  }
}
