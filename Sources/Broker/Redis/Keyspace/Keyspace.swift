import Cluster
import Logging
import Model
import Reactor
import Redis

/// One Redis as a node uses it: leases, presence, histories and who is connected, over a pair of links, one for commands and
/// one for what is subscribed. No script and no command touches two keyspaces.
///
/// The parts keep their state to themselves; this type brings them up and down together, and passes on what is for them.
final class Keyspace {
  let context: KeyspaceContext
  let lease: NodeLease
  let registry: ConnectionRegistry
  let users: UserEvents
  let surveys: NodeSurveys
  let publisher: ChannelPublisher
  let reader: ChannelReader
  private(set) lazy var subscriptions = ChannelSubscriptions(context, lease, listener: self)
  private(set) lazy var streams = ChannelStreams(context, lease, subscriptions, rosters: self) { [unowned self] in
    checkReady()
  }
  private(set) lazy var rosters = Rosters(context, subscriptions, streams)
  private(set) lazy var presence = PresenceSync(context, lease, rosters)
  private(set) lazy var probe = LinkProbe(context, lease, subscriptions)

  private var join = KeyspaceJoin()
  var isSubscriberReady = false
  /// Why the node must not be in this cluster at all: other nodes have another list of Redis.
  private(set) var layoutRefusal: String?
  /// Whether both links lead to the server, and nothing is subscribed there yet.
  private var canSubscribe = false
  /// What keeps the links from being ready, in a sentence.
  private var failure: String? = "not connected yet"
  /// How often the node has joined is told of once in a while.
  private var joins = LogThrottle(burst: 10)

  init(
    _ index: KeyspaceIndex, _ server: RedisServer, on loop: Loop, outlet: any BrokerOutlet, id: NodeID,
    configuration: RedisBroker.Configuration, logger: Logger
  ) {
    context = KeyspaceContext(index, server, on: loop, outlet: outlet, configuration: configuration, logger: logger)
    lease = NodeLease(context, id: id)
    registry = ConnectionRegistry(context, lease)
    users = UserEvents(context, lease, registry)
    surveys = NodeSurveys(context, lease)
    publisher = ChannelPublisher(context, lease)
    reader = ChannelReader(context)
  }

  func start() {
    context.outlet.postToAll(.link(context.index, .lost))
    registry.end()
    context.onFenced = { [unowned self] in fenced() }
    lease.activeChannels = { [unowned self] in subscriptions.activeCount }
    context.server.listener = self
    context.server.start()
  }

  /// Asks every live node about itself.
  func ask(survey question: [UInt8], _ caller: Caller) {
    surveys.ask(question, caller, canHear: isSubscriberReady)
  }

  /// A loop has no listener of the channel any more.
  func detach(_ channel: ChannelName, _ loop: LoopIndex) {
    subscriptions.detach(channel, loop)
    // While the link is away there is nothing to unsubscribe from.
    if !subscriptions.knows(channel) { streams.forget(channel) }
  }

  // MARK: Links

  private func lose(_ loss: RedisServer.Loss) {
    failure = loss.reason
    // What it was is not known any more.
    if loss.reason != layoutRefusal { layoutRefusal = nil }
    probe.forget()
    if loss.isUnreachable {
      set(.down)
      presence.refuseWaiting()
      rosters.refuseWaiting()
      streams.refuseWaitingReads()
    } else if context.linkState == .up {
      set(.lost)
    }
  }

  private func set(_ state: LinkState) {
    guard state != context.linkState else { return }
    context.linkState = state
    context.outlet.postToAll(.link(context.index, state))
  }

  /// Both links may be ready now.
  func checkReady() {
    guard context.isReady, isSubscriberReady, context.linkState == .up || streams.isCaughtUp else { return }
    failure = nil
    context.server.markHealthy()
    rosters.ready()
    if context.linkState != .up, joins.failed(now: context.loop.now) != nil {
      context.logger.info("the node joined its cluster", metadata: ["node": "\(lease.nodeID)"])
    }
    set(.up)
  }

  // MARK: Joining

  private func act(_ actions: [KeyspaceJoin.Action], _ generation: UInt64) {
    for action in actions { act(action, generation) }
  }

  private func act(_ action: KeyspaceJoin.Action, _ generation: UInt64) {
    switch action {
    case .identify(let run, let previousRun, let lostLease): identify(run, previousRun, lostLease, generation)
    case .adopt(let run): lease.adopt(run)
    case .beginReentry: registry.beginReentry()
    case .takeNewID: takeNewID()
    case .renewLease(let taking):
      lease.renew(taking: taking) { [unowned self] error in
        if generation == context.generation { leased(error, generation) }
      }
    case .enterMembers:
      presence.enterAgain { [unowned self] in act(join.membersEntered(), generation) }
    case .sweep:
      lease.sweep(keeping: { [unowned self] in presence.isMember($0, in: $1) }) { [unowned self] isWhole in
        if generation == context.generation { act(join.swept(isWhole: isWhole), generation) }
      }
    case .joined: joined(generation)
    case .reset(let reason): context.commands.reset(reason)
    }
  }

  private func leased(_ error: RedisError?, _ generation: UInt64) {
    layoutRefusal = error?.otherLayout.map(context.layout.refusal)
    if let layoutRefusal { return context.server.reset(layoutRefusal) }
    subscribe()
    act(join.leased(error), generation)
  }

  /// Another run of Redis, which may have lost its last second, or everything, is another epoch for every history.
  private func identify(_ run: RedisRun, _ previousRun: String?, _ lostLease: Bool, _ generation: UInt64) {
    let scripts = StreamScripts(keys: context.keys, run: run)
    let call = scripts.identify(newSeed: context.newSeed(), previousRun: previousRun, lostLease: lostLease)
    let asked = context.scripts.run(call) { [unowned self] outcome in
      guard case .reply(let reply) = outcome, generation == context.generation else { return }
      if let error = reply.error { return act(join.identified(.failure(error)), generation) }
      guard let name = reply[0]?.string else {
        return context.commands.reset("its answer is not the name of a run")
      }
      act(join.identified(.success((run: name, isDoubtful: reply[1]?.integer == 1))), generation)
    }
    if !asked { context.commands.reset("the connection was lost at once") }
  }

  /// Every member has been entered: requests are answered again.
  private func joined(_ generation: UInt64) {
    // A link that is being lost answers what was under way before it says that it is lost.
    guard generation == context.generation, context.commands.isConnected else { return }
    context.isReady = true
    presence.sendMissedLeaves()
    registry.begin()
    streams.readEverythingMissing()
    presence.resumeEntries()
    rosters.askWaiting()
    lease.reapPreviousIDs()
    checkReady()
  }

  /// The lease has run out while the node was paused or cut off: others may have taken its members out already.
  ///
  /// It goes on under a new id: enters everything anew, and only then reaps what is left of the old one, so that
  /// nobody is told of a leave that is none.
  private func fenced() {
    guard context.isReady else { return }
    context.logger.warning(
      "the lease of this node has expired; it continues under a new id", metadata: ["old": "\(lease.nodeID)"])
    context.isReady = false
    context.generation += 1
    lease.lose()
    registry.end()
    join.leaseLost()
    act(join.takeNewID(), context.generation)
    context.server.lookAgain()
  }

  private func takeNewID() {
    // Their answers go to the old id.
    surveys.giveUp()
    subscriptions.unsubscribeOwnControl()
    guard let id = lease.takeNewID() else { return }
    isSubscriberReady = false
    probe.forget()
    // By its id in the first keyspace the node is known to its clients.
    if context.index == 0 { context.outlet.postToAll(.nodeRenamed(id)) }
    subscriptions.subscribeControl()
  }

  // MARK: Time

  func tick() {
    subscriptions.pauseWhileCongested()
    streams.refuseOverdueReads()
    surveys.answerOverdue()
    subscriptions.expire()
    presence.endGraces()
    rosters.tellCounts()
    // Also while the node enters what it had, which may take longer than a lease lasts.
    if context.commands.isConnected {
      lease.renewIfDue()
      registry.tellDoubtIfDue()
    }
    guard context.isReady else { return }
    streams.readNext()
    users.lookAgain()
    presence.repeatRefusedIfDue()
    registry.repeatIfDue()
    lease.lookForDeadNodes()
    if isSubscriberReady { probe.sendIfDue() }
    rosters.resyncIfDue()
  }

  // MARK: The end

  func beginDraining() {
    lease.beginDraining()
    if context.isReady { lease.renew() }
  }

  /// Takes out what the node has in this keyspace, and begins anew, for that reason.
  func giveBack(_ reason: String) {
    guard context.isReady else { return context.server.reset(reason) }
    leaveEverything { [self] in context.server.reset(reason) }
  }

  /// Members leave in batches, the lease goes last; gives up after the time an answer may take.
  func stop(then done: @escaping () -> Void) {
    users.giveUp()
    surveys.giveUp()
    leaveEverything { [self] in
      context.server.stop()
      // Those whose last question was answered meanwhile.
      users.giveUp()
      done()
    }
  }

  private func leaveEverything(then done: @escaping () -> Void) {
    guard context.isReady else { return done() }
    context.isReady = false
    let completion = Completion(on: context.loop, within: context.configuration.timeout, done)
    lease.leave { completion.finish() }
  }

  // MARK: How it stands

  /// Requests are answered, and what is published arrives.
  var isJoined: Bool { context.isReady && isSubscriberReady }

  var isWell: Bool { redisFailure == nil && probeFailure == nil && leaseFailure == nil }

  /// What is wrong with its Redis; nil where nothing is.
  var redisFailure: String? { isJoined ? nil : failure ?? "connecting" }
  var probeFailure: String? { probe.isHealthy ? nil : LinkProbe.failure }
  var leaseFailure: String? { lease.isHeld ? nil : "not held" }

  func add(to status: inout BrokerStatus) {
    status.shards.append(
      BrokerStatus.Shard(
        isUp: isJoined, reconnects: context.commands.reconnects + context.subscriber.reconnects,
        roundTrip: probe.roundTrip))
    status.channels += subscriptions.activeCount
    let age = lease.age(now: context.loop.now)
    status.leaseAge = [status.leaseAge, age].compactMap(\.self).max()
    status.reapedMembers += lease.reapedMembers
    status.malformedPayloads += subscriptions.malformedPayloads
    status.unknownPayloads += subscriptions.unknownPayloads
    status.gaps += streams.gaps
  }
}

extension Keyspace: RedisServerListener {
  func commandsReady(_ run: RedisRun) {
    act(join.begin(run), context.generation)
  }

  func commandsLost(_ loss: RedisServer.Loss) {
    context.isReady = false
    context.generation += 1
    lease.lose()
    streams.refuseQueuedReads()
    users.giveUp()
    registry.end()
    lose(loss)
  }

  func subscriberReady() {
    canSubscribe = true
    subscribe()
  }

  /// Not before the node has its lease: without it, it may be in another cluster.
  private func subscribe() {
    guard canSubscribe, lease.isHeld else { return }
    canSubscribe = false
    subscriptions.linked()
  }

  func subscriberLost(_ loss: RedisServer.Loss) {
    canSubscribe = false
    isSubscriberReady = false
    surveys.giveUp()
    subscriptions.linkLost()
    streams.subscriptionsLost()
    // Whatever the link state is by now: the other link may have set it long ago.
    context.outlet.postToAll(.subscriptionsLost(context.index))
    rosters.subscriptionsLost()
    lose(loss)
  }

  func received(_ reply: RedisReplyView) {
    subscriptions.received(reply)
  }
}

@available(*, unavailable)
extension Keyspace: Sendable {}
