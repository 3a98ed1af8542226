import Cluster
import Hub
import Model
import TestSupport

/// A hub, and shorthands that feed it one event and return what it wants done.
///
/// The connection in slot n is client `c-n`; requests are numbered by the test.
struct Desk {
  var hub: Hub
  private var spare: [HubAction] = []
  /// The numbers of the requests to enter, by session and channel, newest last.
  private var entries: [SessionID: [ChannelName: [UInt64]]] = [:]
  /// The numbers of the newest reads for a subscribe.
  private var reads: [SessionID: [ChannelName: UInt64]] = [:]

  init(
    maxChannels: Int = 100, rate: RateLimit = RateLimit(rate: 0, burst: 0),
    rules: ChannelRules = .standard(isOpen: true),
    requiresIdentity: Bool = false, users: any UserRates = NoUsers(), keyspaces: KeyspaceMap = .one
  ) {
    hub = Hub(
      limits: Hub.Limits(maxChannels: maxChannels, rate: rate, maxRecovery: Self.maxRecovery),
      access: Hub.Authorization(rules: rules, requiresIdentity: requiresIdentity), users: users,
      keyspaces: keyspaces)
  }

  /// Bytes of recoveries that may wait for a connection.
  static let maxRecovery = 1000

  static func id(_ slot: UInt32, _ generation: UInt32 = 0) -> SessionID {
    SessionID(slot: slot, generation: generation)
  }

  /// What the hub wants done since the last time it was asked.
  mutating func actions() -> [HubAction] {
    hub.takeActions(reusing: &spare)
    for case .ask(.subscribe(let session, let channel, let number), let question) in spare {
      switch question {
      case .enter: entries[session, default: [:]][channel, default: []].append(number)
      case .history: reads[session, default: [:]][channel] = number
      case .publish, .presence, .send, .counts, .connections, .kept, .clear, .survey: break
      }
    }
    return spare
  }

  mutating func lines() -> [String] {
    actions().map(Transcript.line)
  }

  // MARK: Clients

  /// Opens the connections of those slots, anonymous ones.
  mutating func open(_ slots: UInt32...) {
    for slot in slots { hub.open(Self.id(slot), client: ClientID("c-\(slot)"), identity: nil, now: 0, wall: 0) }
  }

  mutating func open(_ slot: UInt32, generation: UInt32 = 0, user name: String) {
    open(slot, generation: generation, Identity(user: named(name)))
  }

  mutating func open(_ slot: UInt32, generation: UInt32 = 0, _ identity: Identity?) {
    hub.open(Self.id(slot, generation), client: ClientID("c-\(slot)"), identity: identity, now: 0, wall: 0)
  }

  mutating func close(_ slot: UInt32) -> [String] {
    hub.close(Self.id(slot), now: 0)
    return lines()
  }

  mutating func subscribe(
    _ slot: UInt32, _ name: String, _ mode: PresenceMode = .none, info: String? = nil, since: Since? = nil,
    id: Int? = nil
  ) -> [String] {
    let options = SubscribeOptions(mode, info: info, since: since)
    hub.subscribe(Self.id(slot), to: channel(name), options, request: request(id))
    return lines()
  }

  /// A token of the connection has been judged.
  mutating func verified(_ slot: UInt32, _ decision: Result<Identity, Refusal>, id: Int? = nil) -> [String] {
    hub.verified(Self.id(slot), decision, request: request(id), now: 0)
    return lines()
  }

  mutating func time(_ slot: UInt32, _ wall: Int64) -> [String] {
    hub.timePassed(Self.id(slot), wall: wall)
    return lines()
  }

  mutating func adopt(_ rules: ChannelRules) -> [String] {
    hub.adopt(rules)
    return lines()
  }

  mutating func unsubscribe(_ slot: UInt32, _ name: String, id: Int? = nil) -> [String] {
    hub.unsubscribe(Self.id(slot), from: channel(name), request: request(id))
    return lines()
  }

  mutating func publish(
    _ slot: UInt32, _ name: String, _ text: String, echo: Bool = true, id: Int? = nil
  ) -> [String] {
    hub.publish(Self.id(slot), to: channel(name), echo: echo, request: request(id)) { _ in
      .finished(EventText(text: text))
    }
    return lines()
  }

  mutating func presence(_ slot: UInt32, _ name: String, onlyCount: Bool = false, id: Int? = nil) -> [String] {
    hub.presence(Self.id(slot), of: channel(name), onlyCount: onlyCount, request: request(id))
    return lines()
  }

  /// Subscribes and lets the broker answer at once; nothing is returned.
  mutating func subscribed(_ slot: UInt32, _ name: String, _ mode: PresenceMode = .none) {
    _ = subscribe(slot, name, mode)
    _ = attached(name)
    if mode != .none { _ = entered(slot, name, roster()) }
  }

  // MARK: The server

  /// The server puts the connection into a channel; the first line says where it did not.
  mutating func put(_ slot: UInt32, _ name: String, _ mode: PresenceMode = .none, info: String? = nil) -> [String] {
    let done = hub.put(Self.id(slot), into: channel(name), SubscribeOptions(mode, info: info))
    return (done ? [] : ["not put"]) + lines()
  }

  /// The server takes the connection out of a channel; the first line says where it did not.
  mutating func take(_ slot: UInt32, _ name: String) -> [String] {
    let done = hub.take(Self.id(slot), outOf: channel(name))
    return (done ? [] : ["not taken"]) + lines()
  }

  // MARK: The broker

  mutating func attached(_ name: String) -> [String] {
    hub.attached(channel(name))
    return lines()
  }

  /// Answers the newest read of a history for a subscribe.
  mutating func read(
    _ slot: UInt32, _ name: String, _ result: Result<HistoryRead, Refusal>, waiting: Int = 0
  ) -> [String] {
    let number = reads[Self.id(slot)]?[channel(name)] ?? 0
    hub.answered(
      .subscribe(Self.id(slot), channel(name), attempt: number), result.map { .history(channel(name), $0) },
      waiting: waiting)
    return lines()
  }

  /// Answers the newest request to enter, or one that many before it.
  mutating func entered(
    _ slot: UInt32, _ name: String, _ roster: Roster, generation: UInt32 = 0, before: Int = 0
  ) -> [String] {
    enter(Self.id(slot, generation), name, before: before, .success(roster))
  }

  mutating func notEntered(_ slot: UInt32, _ name: String, _ code: ErrorCode = .unavailable) -> [String] {
    enter(Self.id(slot), name, before: 0, .failure(Refusal(code, "Not now.")))
  }

  private mutating func enter(
    _ session: SessionID, _ name: String, before: Int, _ result: Result<Roster, Refusal>
  ) -> [String] {
    let number = entries[session]?[channel(name)]?.dropLast(before).last ?? 0
    hub.answered(.subscribe(session, channel(name), attempt: number), result.map { .presence(channel(name), $0) })
    return lines()
  }

  /// Answers a command.
  mutating func answered(_ slot: UInt32, _ result: Result<Answer, Refusal>, id: Int? = nil) -> [String] {
    hub.answered(.command(Self.id(slot), request(id)), result)
    return lines()
  }

  mutating func subscriptionsLost(in keyspace: KeyspaceIndex = 0) -> [String] {
    hub.subscriptionsLost(in: keyspace)
    return lines()
  }

  mutating func link(_ state: LinkState, with keyspace: KeyspaceIndex = 0) -> [String] {
    hub.linkChanged(state, in: keyspace)
    return lines()
  }

  /// Delivers an event; the slots that it goes to now, in order of slots.
  mutating func deliver(
    _ text: String, to audience: Audience = .listeners, of name: String, _ mark: Mark = .none,
    without client: String? = nil
  ) -> [UInt32] {
    var reached: [UInt32] = []
    let event = event(text, mark, to: audience, without: client.map { ClientID($0) })
    hub.fanOut(event, of: channel(name)) { slots, except in
      reached = slots.filter { !except.contains($0) }
    }
    return reached.sorted()
  }

  private func request(_ id: Int?) -> RequestID? {
    id.map { RequestID(json: String($0)) }
  }
}

/// `user`, for where a parameter has its name.
private func named(_ name: String) -> UserName { user(name) }
