import Cluster
import DequeModule
import Model
import Reactor
import Redis

/// Who is connected to this node, written into Redis, so that a user is found wherever they are.
///
/// No table of it is kept here: whenever Redis may have lost it, the loops report what is open again. Only what has
/// closed and may still stand in Redis waits in `closedConnections`; it goes before anything is reported, and never
/// comes back, since no client id is given twice. A loop tells of those closings alone whose connection it has told of,
/// and of none that opens while the link is away: so what waits is not more than was connected when it was lost.
final class ConnectionRegistry {
  /// How long after a refusal all is reported again, in milliseconds: half of what a send waits to learn whether the user is
  /// connected, so that one which came right behind the refusal still learns it.
  private static let repetition = UserLookups.timeout / 2
  /// Entries that Redis did not let the node take out, and that are remembered to be tried again.
  private static let maxRefusedDepartures = 100_000
  /// Entries taken out by one command.
  private static let departureBatch = 256

  /// A connection that is gone.
  private struct Departed {
    let client: ClientID
    let user: UserName?
  }

  private unowned let context: KeyspaceContext
  private unowned let lease: NodeLease
  /// Connections that are gone and of which Redis may still know.
  private var closedConnections: Deque<Departed> = []
  private var departureRefused = Cooldown()
  /// Whether Redis has refused to know of some that are open, and when.
  private var isIncomplete = false
  private var entryRefused = Cooldown()
  /// Who is connected, as far as Redis may not know of them.
  private var reentry = Reentry()

  init(_ context: KeyspaceContext, _ lease: NodeLease) {
    self.context = context
    self.lease = lease
  }

  // MARK: The link

  /// Redis can be told again: first of what is gone, then the loops report what is open.
  func begin() {
    isIncomplete = false
    sendDepartures()
    context.outlet.postToAll(.register(context.index, .everybody))
  }

  /// Redis cannot be told of anything for now.
  func end() {
    context.outlet.postToAll(.register(context.index, .nobody))
  }

  /// Sends again what Redis has not taken.
  func repeatIfDue() {
    let now = context.loop.now
    if departureRefused.isOver(after: Self.repetition, now: now) { sendDepartures() }
    guard isIncomplete, entryRefused.isOver(after: Self.repetition, now: now) else { return }
    isIncomplete = false
    context.outlet.postToAll(.register(context.index, .everybody))
  }

  // MARK: Doubt

  /// Redis may not know of anybody who is connected here, until the loops have reported them.
  func beginReentry() {
    reentry.begin(loops: context.outlet.loopCount)
  }

  /// Tells Redis, as long as that is so, that nobody may be called offline.
  func tellDoubtIfDue() {
    if !lease.run.name.isEmpty, reentry.takeDue(now: context.loop.now) { tellDoubt(isEntering: true) }
  }

  /// Has the run stand in Redis again, if somebody has deleted it; `isEntering` while this node is writing down who is
  /// connected.
  func tellDoubt(isEntering: Bool) {
    let scripts = StreamScripts(keys: context.keys, run: lease.run)
    let call = scripts.doubt(newSeed: context.newSeed(), isEntering: isEntering)
    _ = context.links.run(call) { [unowned self] outcome in
      if case .reply(let reply) = outcome, let error = reply.error { context.handle(serverError: error) }
    }
  }

  // MARK: Coming

  /// A connection is open, or it is known only now whose it is.
  func connected(_ connection: OpenConnection) {
    // What is told now and cannot be sent is reported again when the link is back.
    if context.isReady { enter([connection]) {} }
  }

  /// A batch of what is open on a loop; the next is asked for when Redis has taken this one.
  func received(_ connections: [OpenConnection], next: UInt32?, _ loop: LoopIndex) {
    guard context.isReady else { return }
    let generation = context.generation
    let proceed = { [unowned self] in
      guard generation == context.generation else { return }
      if let next { return context.outlet.post(.reportConnections(context.index, from: next), to: loop) }
      // Where some were refused all are reported again.
      if !isIncomplete { reentry.finished(loop) }
    }
    connections.isEmpty ? proceed() : enter(connections, then: proceed)
  }

  /// `then` is called when Redis has taken all of them, and not where it has not.
  private func enter(_ connections: [OpenConnection], then proceed: @escaping () -> Void) {
    var entries = RedisCommand("HSET", context.keys.connections(ofNode: lease.nodeID.string))
    for connection in connections {
      entries.arg(connection.client.string)
      entries.arg(ConnectionEntry.encode(connection))
    }
    // Before the users' own: what a dead node leaves is found by these.
    var batch = [entries]
    for connection in connections {
      if let user = connection.user {
        batch.append(RedisCommand("HSET", context.keys.user(user), connection.client.string, lease.nodeID.string))
      }
    }
    for (index, command) in batch.enumerated() {
      let isLast = index == batch.count - 1
      let isSent = context.links.send(command) { [unowned self] outcome in
        guard case .reply(let reply) = outcome else { return }
        if let error = reply.error { return refusedEntry(error) }
        if isLast { proceed() }
      }
      guard isSent else { return leaveIncomplete() }
    }
  }

  private func leaveIncomplete() {
    if !isIncomplete { entryRefused.start(now: context.loop.now) }
    isIncomplete = true
  }

  private func refusedEntry(_ error: RedisError) {
    leaveIncomplete()
    // Whom a full Redis does not know of, nobody may call offline. Where it refuses one user for another reason that may be
    // for ever, and all others would have to wait for theirs.
    if error.code == .outOfMemory { beginReentry() }
    context.handle(serverError: error)
  }

  // MARK: Going

  /// A connection is gone that Redis may know of.
  func disconnected(_ client: ClientID, _ user: UserName?) {
    let gone = Departed(client: client, user: user)
    if context.isReady, closedConnections.isEmpty { takeOut([gone]) } else { closedConnections.append(gone) }
  }

  private func sendDepartures() {
    while !closedConnections.isEmpty {
      let batch = Array(closedConnections.prefix(Self.departureBatch))
      closedConnections.removeFirst(batch.count)
      guard takeOut(batch) else { return }
    }
  }

  /// They are tried again later. What is too much goes with the node itself.
  private func refusedDeparture(_ gone: [Departed], isFirst: Bool) {
    departureRefused.start(now: context.loop.now)
    guard isFirst, closedConnections.count + gone.count <= Self.maxRefusedDepartures else { return }
    closedConnections.append(contentsOf: gone)
  }

  /// False where the link takes nothing now: they wait for it.
  @discardableResult
  private func takeOut(_ gone: [Departed]) -> Bool {
    var batch = gone.compactMap { gone in
      gone.user.map { RedisCommand("HDEL", context.keys.user($0), gone.client.string) }
    }
    var entries = RedisCommand("HDEL", context.keys.connections(ofNode: lease.nodeID.string))
    for gone in gone { entries.arg(gone.client.string) }
    batch.append(entries)
    var isRefused = false
    for (index, command) in batch.enumerated() {
      let isLast = index == batch.count - 1
      let isSent = context.links.send(command) { [unowned self] outcome in
        switch outcome {
        case .reply(let reply):
          guard let error = reply.error else { return }
          refusedDeparture(gone, isFirst: !isRefused)
          isRefused = true
          context.handle(serverError: error)
        // With the answer to any of them that to the last is lost.
        case .lost: if isLast, !isRefused { closedConnections.append(contentsOf: gone) }
        }
      }
      guard isSent else {
        closedConnections.append(contentsOf: gone)
        return false
      }
    }
    return true
  }
}

@available(*, unavailable)
extension ConnectionRegistry: Sendable {}
