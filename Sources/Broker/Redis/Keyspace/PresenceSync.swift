import Cluster
import Model
import Protocol
import Reactor
import Redis

/// Who is where, of this node's connections: kept in Redis as it is meant to be, joins and leaves told.
final class PresenceSync {
  /// Memberships entered again by one batch after a reconnect.
  private static let entryBatch = 256
  /// Milliseconds until what Redis has not taken is sent again.
  private static let repetition: Int64 = 1000

  static let unreachable = Refusal(
    .unavailable, "The channel's presence cannot be reached now; nothing was subscribed.")

  /// A request to be where the roster is told, with whom to answer, if anybody.
  private struct Entry {
    let caller: Caller?
    let connection: MemberConnection
    let channel: ChannelName
    let mode: PresenceMode
  }

  private unowned let context: KeyspaceContext
  private unowned let lease: NodeLease
  private unowned let rosters: Rosters
  private var table = PresenceTable()
  /// Lost connections that are still members.
  private var graces: GraceQueue
  /// Joins that wait for the command link.
  private var waitingEntries: [Entry] = []
  /// Whether leaves could not be sent or were refused, and are to be sent again.
  private var hasUnsentLeaves = false
  private var leavesSent = Cooldown()
  /// Members whom Redis has refused to enter again, or to bring up to date: they are to be entered again.
  private var refusedMembers: [ChannelName: Set<ClientID>] = [:]
  private var joinsSent = Cooldown()

  private var scripts: PresenceScripts { PresenceScripts(keys: context.keys) }

  init(_ context: KeyspaceContext, _ lease: NodeLease, _ rosters: Rosters) {
    self.context = context
    self.lease = lease
    self.rosters = rosters
    graces = GraceQueue(grace: context.configuration.leaveGrace)
  }

  /// Whether anybody is a member who has not left.
  var hasMembers: Bool { table.hasWanted }

  func isMember(_ client: ClientID, in channel: ChannelName) -> Bool { table.isWanted(client, in: channel) }

  // MARK: Entering

  /// Makes the connection a member, or only tells who is there; without a caller nobody is told.
  func enter(_ connection: MemberConnection, _ channel: ChannelName, _ mode: PresenceMode, for caller: Caller?) {
    rosters.watch(channel)
    if mode == .member { _ = table.enter(connection, channel, now: Int(Sys.wallMilliseconds())) }
    ask(Entry(caller: caller, connection: connection, channel: channel, mode: mode))
  }

  /// The command link is back: asks again for what had to wait for it.
  func resumeEntries() {
    let waiting = waitingEntries
    waitingEntries = []
    for entry in waiting {
      // Who has left meanwhile must not be entered again.
      if entry.mode == .member, !table.isWanted(entry.connection.client, in: entry.channel) { continue }
      ask(entry)
    }
  }

  private func ask(_ entry: Entry) {
    guard context.isReady else {
      context.linkState == .down ? refuse(entry) : waitingEntries.append(entry)
      return
    }
    guard entry.mode == .member, let membership = table.membership(entry.connection.client, in: entry.channel) else {
      return tell(entry)
    }
    if !sendJoin(entry.channel, membership, { [unowned self] in joined(entry, $0) }) { refuse(entry) }
  }

  /// Redis has made a connection a member, or not: a roster that is read from now on has it.
  private func joined(_ entry: Entry, _ outcome: RedisLink.Outcome) {
    guard case .reply(let reply) = outcome else {
      // Joining twice is harmless, so a join whose answer was lost simply waits for the link.
      if context.linkState == .down { refuse(entry) } else { waitingEntries.append(entry) }
      return
    }
    if let error = reply.error {
      if error.isFenced {
        waitingEntries.append(entry)
      } else if entry.caller == nil {
        // A member already, whose info has changed.
        refusedMembers[entry.channel, default: []].insert(entry.connection.client)
      } else {
        refuse(entry)
      }
      return context.handle(serverError: error)
    }
    tell(entry)
  }

  private func tell(_ entry: Entry) {
    if let caller = entry.caller { rosters.ask(entry.channel, for: caller) }
  }

  private func refuse(_ entry: Entry) {
    if let caller = entry.caller { context.outlet.answer(.failure(Self.unreachable), to: caller) }
  }

  /// The link is down: nobody waits any longer. The hub takes its memberships back.
  func refuseWaiting() {
    let waiting = waitingEntries
    waitingEntries = []
    for entry in waiting { refuse(entry) }
  }

  private func sendJoin(
    _ channel: ChannelName, _ membership: PresenceTable.Membership, isAgain: Bool = false,
    _ answer: @escaping (RedisLink.Outcome) -> Void
  ) -> Bool {
    let call = scripts.join(
      membership.connection, channel, node: lease.nodeID.string, since: membership.since, isAgain: isAgain)
    return context.links.run(call, answer: answer)
  }

  // MARK: Leaving

  /// The connection is lost: it stays a member for the grace.
  func lose(_ client: ClientID, _ channel: ChannelName) {
    if table.lose(client, channel) { graces.append(client, channel, now: context.loop.now) }
  }

  func leave(_ client: ClientID, _ channel: ChannelName) {
    guard let membership = table.leave(client, channel), context.isReady else { return }
    sendLeave(channel, membership) {}
  }

  /// Ends the memberships of lost connections whose grace is over.
  func endGraces() {
    while let departure = graces.pop(now: context.loop.now) {
      // Entered again meanwhile (the same connection cannot be, but its membership could be newer): left alone.
      guard table.membership(departure.client, in: departure.channel)?.isLost == true else { continue }
      leave(departure.client, departure.channel)
    }
  }

  private func sendLeave(
    _ channel: ChannelName, _ membership: PresenceTable.Membership, then done: @escaping () -> Void
  ) {
    let connection = membership.connection
    let call = scripts.leave([.init(client: connection.client, user: connection.user)], channel)
    let sent = context.links.run(call) { [unowned self] outcome in
      defer { done() }
      // What is lost with its connection is sent again when there is another.
      guard case .reply(let reply) = outcome else { return }
      if let error = reply.error {
        hasUnsentLeaves = true
        return context.handle(serverError: error)
      }
      if table.left(connection.client, channel, version: membership.version) {
        let forget = RedisCommand("SREM", context.keys.channels(ofNode: lease.nodeID.string), channel.string)
        _ = context.links.send(forget) { _ in }
      }
    }
    if !sent {
      hasUnsentLeaves = true
      done()
    }
  }

  /// Sends the leaves that came while members were entered again: their channels may have been looked through by then.
  func sendMissedLeaves() {
    hasUnsentLeaves = false
    leavesSent.start(now: context.loop.now)
    for (channel, membership) in table.all where !membership.isWanted {
      sendLeave(channel, membership) {}
    }
  }

  /// Sends again what Redis has not taken, once a second at most.
  func repeatRefusedIfDue() {
    let now = context.loop.now
    if hasUnsentLeaves, leavesSent.isOver(after: Self.repetition, now: now) { sendMissedLeaves() }
    if !refusedMembers.isEmpty, joinsSent.restart(after: Self.repetition, now: now) { sendRefusedJoins() }
  }

  /// A batch of them; what is refused once more comes after the others.
  private func sendRefusedJoins() {
    for (channel, client) in takeRefused(atMost: Self.entryBatch) {
      // Who has left meanwhile, or entered anew, is not missing.
      guard let membership = table.membership(client, in: channel), membership.isWanted else { continue }
      let sent = sendJoin(channel, membership, isAgain: true) { [unowned self] outcome in
        guard case .reply(let reply) = outcome, let error = reply.error else { return }
        refusedMembers[channel, default: []].insert(client)
        context.handle(serverError: error)
      }
      if !sent { refusedMembers[channel, default: []].insert(client) }
    }
  }

  private func takeRefused(atMost limit: Int) -> [(ChannelName, ClientID)] {
    var taken: [(ChannelName, ClientID)] = []
    while taken.count < limit, let (channel, clients) = refusedMembers.first {
      let some = clients.prefix(limit - taken.count)
      taken += some.map { (channel, $0) }
      let rest = clients.subtracting(some)
      refusedMembers[channel] = rest.isEmpty ? nil : rest
    }
    return taken
  }

  // MARK: After a lost connection

  /// Brings Redis in line with the table: joins and leaves everything anew. `done` is not called where the connection is
  /// lost again meanwhile.
  func enterAgain(then done: @escaping () -> Void) {
    refusedMembers = [:]
    enterAgain(table.all, from: 0, context.generation, done)
  }

  private func enterAgain(
    _ memberships: [(channel: ChannelName, membership: PresenceTable.Membership)], from start: Int,
    _ generation: UInt64, _ finish: @escaping () -> Void
  ) {
    guard generation == context.generation else { return }
    guard start < memberships.count else { return finish() }
    let end = min(start + Self.entryBatch, memberships.count)
    let proceed = { [unowned self] in enterAgain(memberships, from: end, generation, finish) }
    for index in start..<end {
      let (channel, old) = memberships[index]
      let isLast = index == end - 1
      // The table may have changed while earlier batches were on their way.
      guard let membership = table.membership(old.connection.client, in: channel) else {
        if isLast { proceed() }
        continue
      }
      let done: (RedisError?) -> Void = { [unowned self] error in
        if error?.isFenced == true {
          return context.links.resetCommands("the lease was lost while members were entered")
        }
        if let error {
          // One channel must not keep all others waiting.
          refusedMembers[channel, default: []].insert(old.connection.client)
          context.handle(serverError: error)
        }
        if isLast { proceed() }
      }
      if membership.isWanted {
        let sent = sendJoin(channel, membership, isAgain: true) { outcome in
          guard case .reply(let reply) = outcome else { return }
          done(reply.error)
        }
        if !sent { return context.links.resetCommands("there are more members to enter than can be sent") }
      } else {
        sendLeave(channel, membership) { done(nil) }
      }
    }
  }
}

@available(*, unavailable)
extension PresenceSync: Sendable {}
