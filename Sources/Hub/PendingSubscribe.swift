import Model

/// A subscribe that has not been answered yet, and what waits behind it.
struct PendingSubscribe {
  enum Stage {
    /// For the broker's confirmation of the channel.
    case attaching
    /// For the channel's roster.
    case entering
  }

  /// An event, and which of the channel's connections it is for.
  typealias Held = (frame: Frame, audience: Audience)

  /// Tells this subscribe from a later one of the same connection to the same channel.
  let serial: UInt64
  var stage: Stage
  let id: RequestID?
  let mode: PresenceMode
  let info: String?
  /// How the connection took part before, where it was a listener already.
  var previous: PresenceMode?
  /// Commands on the same channel that came meanwhile, in order.
  var deferred: [DeferredCommand] = []
  var deferredBytes = 0
  /// Events of the channel that came after it was entered, for after the answer.
  var held: [Held] = []
  var heldBytes = 0

  /// How many commands may wait behind one subscribe.
  static let maxDeferred = 256
  /// How many bytes of messages may wait behind one subscribe, and be held for it.
  static let maxBytes = 1 << 20

  /// Whether it, or a subscribe behind it, wants to take part in presence.
  var asksForPresence: Bool {
    mode != .none || deferred.contains { if case .subscribe(let mode, _, _) = $0 { mode != .none } else { false } }
  }

  /// Puts a command behind the subscribe; false when too much is waiting already.
  mutating func put(_ command: DeferredCommand) -> Bool {
    guard deferred.count < Self.maxDeferred, deferredBytes + command.bytes <= Self.maxBytes else { return false }
    deferredBytes += command.bytes
    deferred.append(command)
    return true
  }

  /// Keeps an event for after the answer; false when it does not fit.
  mutating func hold(_ frame: Frame, _ audience: Audience) -> Bool {
    guard heldBytes + frame.count <= Self.maxBytes else { return false }
    heldBytes += frame.count
    held.append((frame, audience))
    return true
  }
}

/// A command that waits for a subscribe on its channel.
enum DeferredCommand {
  case subscribe(PresenceMode, info: String?, id: RequestID?)
  case unsubscribe(id: RequestID?)
  case publish(Publication, id: RequestID?)
  case presence(onlyCount: Bool, id: RequestID?)

  /// What it holds of memory, roughly.
  var bytes: Int {
    switch self {
    case .subscribe(_, let info, _): 64 + (info?.utf8.count ?? 0)
    case .unsubscribe, .presence: 64
    case .publish(let publication, _): 64 + publication.frame.count
    }
  }

  var id: RequestID? {
    switch self {
    case .subscribe(_, _, let id), .unsubscribe(let id), .publish(_, let id), .presence(_, let id): id
    }
  }
}

/// Which connection's subscribe to which channel.
struct PendingKey: Hashable {
  let slot: UInt32
  let channel: ChannelIndex
}
