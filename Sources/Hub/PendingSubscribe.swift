import Model

/// A subscribe that has not been answered yet, and what waits behind it.
struct PendingSubscribe {
  enum Stage {
    /// For the broker's confirmation of the channel.
    case attaching
    /// For the channel's history, or where it stands.
    case reading
    /// For the channel's roster.
    case entering
  }

  /// Tells this subscribe from a later one of the same connection to the same channel.
  let attempt: UInt64
  var stage: Stage
  let id: RequestID?
  var options: SubscribeOptions
  /// Whether the client wants what it has missed, and is told whether it gets it.
  let asksForMissed: Bool
  /// Whether the server has brought it about, and not the client: nothing is told of its failure.
  let isByServer: Bool
  /// How the connection took part before, where it was a listener already.
  var previous: PresenceMode?
  /// What has been read, in a channel that keeps history.
  var read: HistoryRead?
  /// Commands on the same channel that came meanwhile, in order.
  var deferred: [DeferredCommand] = []
  var deferredBytes = 0
  /// The number of the channel's buffered event from which on they are for it, after the answer.
  var start = 0
  /// From which of them on it can do without none: what was told to a listener, or has changed since the roster was asked
  /// for, is in no read.
  var requiredFrom: Int?

  /// How many commands may wait behind one subscribe.
  static let maxDeferred = 256
  /// How many bytes of messages may wait behind one subscribe.
  static let maxBytes = 1 << 20

  init(attempt: UInt64, id: RequestID?, options: SubscribeOptions, previous: PresenceMode?, isByServer: Bool) {
    self.attempt = attempt
    stage = .attaching
    self.id = id
    self.options = options
    asksForMissed = options.since != nil
    self.previous = previous
    self.isByServer = isByServer
  }

  var mode: PresenceMode { options.mode }

  /// Whether it, or a subscribe behind it, wants to take part in presence.
  var asksForPresence: Bool {
    mode != .none
      || deferred.contains { command in
        switch command {
        case .subscribe(let options, _), .put(let options): options.mode != .none
        default: false
        }
      }
  }

  /// Puts what the server does behind the subscribe, however much is waiting.
  mutating func putByServer(_ command: DeferredCommand) {
    deferredBytes += command.bytes
    deferred.append(command)
  }

  /// Puts a command behind the subscribe; false when too much is waiting already.
  mutating func put(_ command: DeferredCommand) -> Bool {
    guard deferred.count < Self.maxDeferred, deferredBytes + command.bytes <= Self.maxBytes else { return false }
    deferredBytes += command.bytes
    deferred.append(command)
    return true
  }
}

/// A command that waits for a subscribe on its channel.
enum DeferredCommand {
  case subscribe(SubscribeOptions, id: RequestID?)
  case unsubscribe(id: RequestID?)
  case publish(Publication, id: RequestID?)
  case presence(onlyCount: Bool, id: RequestID?)
  case history(Since?, limit: Int, id: RequestID?)
  /// The server puts the connection into the channel.
  case put(SubscribeOptions)
  /// The server takes it out.
  case take

  /// What it holds of memory, roughly.
  var bytes: Int {
    switch self {
    case .subscribe(let options, _), .put(let options): 64 + (options.info?.utf8.count ?? 0)
    case .unsubscribe, .presence, .history, .take: 64
    case .publish(let publication, _): 64 + publication.event.count
    }
  }

  var id: RequestID? {
    switch self {
    case .subscribe(_, let id), .unsubscribe(let id), .publish(_, let id), .presence(_, let id), .history(_, _, let id):
      id
    case .put, .take: nil
    }
  }
}

/// Which connection's subscribe to which channel.
struct PendingKey: Hashable {
  let slot: UInt32
  let channel: ChannelIndex
}
