import Cluster
import Model
import Protocol
import Reactor

/// The broker of a node that stands alone: one order per channel, presence, all in memory.
package final class MemoryBroker: Broker {
  private unowned let loop: Loop
  private unowned let outlet: any BrokerOutlet
  private var subscriptions = SubscriptionTable()
  private var rooms: [ChannelName: MemoryRoom] = [:]
  private var store = MemoryStore()
  private let node: String
  private let maxHistoryBytes: Int
  private let maxRosterBytes: Int
  private var throttle = PresenceThrottle()
  /// How many connections each user has.
  private var connections: [UserName: Int] = [:]
  private var pendingLeaves: GraceQueue
  private var ticker: Ticker?

  /// `leaveGrace` in milliseconds; `maxHistoryBytes` is what the answer to a `history` may hold, `maxRosterBytes` what one
  /// with the members of a channel may have.
  package init(
    on loop: Loop, outlet: any BrokerOutlet, id: NodeID, leaveGrace: Int64, maxHistoryBytes: Int = HistoryRead.maxBytes,
    maxRosterBytes: Int = Roster.maxBytes
  ) {
    node = id.string
    self.maxHistoryBytes = maxHistoryBytes
    self.maxRosterBytes = maxRosterBytes
    self.loop = loop
    self.outlet = outlet
    pendingLeaves = GraceQueue(grace: leaveGrace)
    _ = subscriptions.linked()
  }

  package var status: BrokerStatus {
    var status = BrokerStatus()
    status.channels = subscriptions.activeCount
    return status
  }

  package func start() {
    ticker = Ticker(on: loop, every: 100) { [unowned self] in tick() }
    outlet.postToAll(.link(0, .up))
  }

  package func beginDraining() {}

  /// Nobody is left to be told.
  package func waitForGraces(then done: @escaping () -> Void) { done() }

  package func stop(then done: @escaping () -> Void) {
    ticker?.stop()
    done()
  }

  package func ask(_ question: Question, by caller: Caller) {
    switch question {
    case .publish(let publication): publish(publication, caller)
    case .enter(let connection, let channel, let mode):
      if mode == .member { join(channel, connection) }
      outlet.answer(.success(.presence(channel, roster(channel))), to: caller)
    case .history(let channel, let query):
      let read = store.read(
        channel, query, begins: caller.isSubscribe && subscriptions.knows(channel), now: Sys.wallMilliseconds(),
        maxBytes: maxHistoryBytes)
      outlet.answer(.success(.history(channel, read)), to: caller)
    case .presence(let channel, let onlyCount):
      let roster = onlyCount ? Roster(members: nil, count: rooms[channel]?.count ?? 0) : roster(channel)
      outlet.answer(.success(.presence(channel, roster)), to: caller)
    case .send(let event, to: let addressee): send(event, to: addressee, caller)
    case .counts(let channels):
      outlet.answer(.success(.counts(channels.map { rooms[$0]?.count ?? 0 })), to: caller)
    case .connections(_, let cursor?, _) where !cursor.hasPrefix("c-"):
      outlet.answer(.failure(Refusal(.badRequest, "The cursor is none that an answer has told.")), to: caller)
    case .connections(let channel, let cursor, let limit):
      let page = rooms[channel]?.page(after: cursor, limit: limit) ?? PresencePage(entries: [], count: 0)
      outlet.answer(.success(.connections(page)), to: caller)
    case .kept(let channel):
      outlet.answer(.success(.counts([store.kept(in: channel, now: Sys.wallMilliseconds())])), to: caller)
    case .clear(let channel):
      let position = store.clear(channel, now: Sys.wallMilliseconds())
      deliver(.gap(in: channel, upTo: position), channel)
      outlet.answer(.success(.cleared(position)), to: caller)
    case .survey(let question):
      outlet.survey(question) { [outlet, node] text in
        let survey =
          text.isEmpty
          ? Survey(replies: [], silent: [Survey.Silent(node: node, leaseAge: 0)])
          : Survey(replies: [Survey.Reply(node: node, text: text)])
        outlet.answer(.success(.surveyed(survey)), to: caller)
      }
    }
  }

  package func take(_ report: LoopReport, from loop: LoopIndex) {
    switch report {
    case .attach(let channel): attach(channel, loop)
    case .detach(let channel): subscriptions.detach(channel, loop, now: self.loop.now)
    case .update(let connection, let channel): join(channel, connection)
    case .leave(let client, let channel, let lost):
      if lost {
        rooms[channel]?.lose(client)
        pendingLeaves.append(client, channel, now: self.loop.now)
      } else {
        left(channel, rooms[channel]?.leave(client))
      }
    case .connected(let connection):
      if let user = connection.user { connections[user, default: 0] += 1 }
    case .disconnected(_, let user): if let user { disconnected(user) }
    // Nobody is asked here for what is open.
    case .openConnections: break
    }
  }

  private func send(_ event: DirectEvent, to addressee: Addressee, _ caller: Caller) {
    guard !outlet.isCongested else { return outlet.answer(.failure(.overloaded(nothing: "sent")), to: caller) }
    let isOnline = send(event, to: addressee)
    if caller.wantsReceipt { outlet.answer(.success(.sent(isOnline: isOnline)), to: caller) }
  }

  /// Whether anybody has been sent it.
  private func send(_ event: DirectEvent, to addressee: Addressee) -> Bool {
    if case .user(let user) = addressee, connections[user] == nil { return false }
    let text = Interchange.direct(event, timestamp: Int(Sys.wallMilliseconds()))
    outlet.postToAll(.addressed(addressee, text, since: loop.nowMicroseconds))
    return true
  }

  private func disconnected(_ user: UserName) {
    guard let count = connections[user] else { return }
    connections[user] = count > 1 ? count - 1 : nil
  }

  // MARK: -

  private func attach(_ channel: ChannelName, _ loop: LoopIndex) {
    guard case .subscribe? = subscriptions.attach(channel, loop) else {
      outlet.post(.attached(channel), to: loop)
      return
    }
    // In memory there is nobody to wait for.
    if case .attached(_, let loops)? = subscriptions.confirmed(channel, now: self.loop.now) {
      for loop in loops { outlet.post(.attached(channel), to: loop) }
    }
  }

  private func publish(_ publication: Publication, _ caller: Caller) {
    guard !outlet.isCongested else { return outlet.answer(.failure(.overloaded(id: caller.request)), to: caller) }
    let published = store.publish(publication, now: Sys.wallMilliseconds())
    if let text = published.text {
      let position = published.receipt.position
      deliver(
        ChannelEvent(publication.kind.event, text, at: position, excluding: publication.excluded), publication.channel)
    }
    guard caller.wantsReceipt else { return }
    outlet.answer(.success(.published(publication.channel, publication.kind, published.receipt)), to: caller)
  }

  private func deliver(_ event: ChannelEvent, _ channel: ChannelName) {
    for loop in subscriptions.loops(of: channel) {
      outlet.post(.deliver(channel, event, since: self.loop.nowMicroseconds), to: loop)
    }
  }

  private func tell(_ roster: Roster, _ channel: ChannelName) {
    deliver(ChannelEvent(.presence, Interchange.members(channel: channel, roster: roster)), channel)
  }

  private func tick() {
    store.sweep(now: Sys.wallMilliseconds(), sparing: { subscriptions.knows($0) })
    while let departure = pendingLeaves.pop(now: loop.now) {
      left(departure.channel, rooms[departure.channel]?.leaveIfLost(departure.client))
    }
    for case .unsubscribe(let channel) in subscriptions.expire(now: loop.now) {
      _ = subscriptions.ended(channel)
      store.unheard(channel)
      throttle.forget(channel)
    }
    for (channel, count) in throttle.due(now: loop.now) {
      tell(Roster(members: nil, count: count), channel)
    }
  }

  // MARK: Presence

  private func join(_ channel: ChannelName, _ connection: MemberConnection) {
    var room = rooms[channel] ?? MemoryRoom()
    let isFirst = room.join(connection, now: Sys.wallMilliseconds())
    rooms[channel] = room
    guard isFirst else { return }
    changed(channel, count: room.count, excluding: connection.client) {
      Interchange.join(
        channel: channel, user: connection.user, client: connection.client, info: connection.info, count: room.count)
    }
  }

  private func left(_ channel: ChannelName, _ gone: MemberConnection?) {
    let count = rooms[channel]?.count ?? 0
    if rooms[channel]?.isEmpty == true { rooms[channel] = nil }
    guard let gone else { return }
    changed(channel, count: count, excluding: gone.client) {
      Interchange.leave(channel: channel, user: gone.user, client: gone.client, info: nil, count: count)
    }
  }

  private func changed(_ channel: ChannelName, count: Int, excluding client: ClientID, event: () -> EventText) {
    switch throttle.changed(channel, count: count) {
    case .tell: deliver(ChannelEvent(.presence, event(), excluding: client), channel)
    case .hold: break
    case .roster: tell(roster(channel), channel)
    }
  }

  private func roster(_ channel: ChannelName) -> Roster {
    rooms[channel]?.roster(maxBytes: maxRosterBytes) ?? Roster(members: [], count: 0)
  }
}

@available(*, unavailable)
extension MemoryBroker: Sendable {}
