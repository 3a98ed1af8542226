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
  let publisher: ChannelPublisher
  let reader: ChannelReader
  /// The node's, of all keyspaces.
  unowned let surveys: NodeSurveys
  unowned let announcements: Announcements
  private(set) lazy var subscriptions = ChannelSubscriptions(context, lease, listener: self)
  private(set) lazy var streams = ChannelStreams(context, lease, subscriptions, rosters: self) { [unowned self] in
    checkReady()
  }
  private(set) lazy var rosters = Rosters(context, subscriptions, streams)
  private(set) lazy var presence = PresenceSync(context, lease, rosters)
  private(set) lazy var probe = LinkProbe(context, lease, subscriptions)

  var join = KeyspaceJoin()
  var isSubscriberReady = false
  /// Why the node must not be in this cluster at all: other nodes have another list of Redis.
  var layoutRefusal: String?
  /// How often the nodes' list of Redis has changed, as this one knows. All of a list agree, but one that missed a change.
  var era = 0
  /// The latest that any keyspace of the node has heard.
  var latestEra: () -> Int = { 0 }
  /// Whether this Redis has answered `identify` once, or was once found to be away.
  var isHeard = false
  /// Called when that is so.
  var onHeard: () -> Void = {}
  /// Called when the node has joined.
  var onJoined: () -> Void = {}
  /// What INFO tells of the run, and what `identify` has answered: it waits until all keyspaces were heard.
  var greeted = RedisRun(name: "", replicationID: "")
  var identified: (run: String, isDoubtful: Bool, generation: UInt64)?
  /// Whether both links lead to the server, and nothing is subscribed there yet.
  var canSubscribe = false
  /// What keeps the links from being ready, in a sentence.
  private var failure: String? = "not connected yet"
  /// When to ask again whether the run goes on, and since when that is not known.
  var identifyDue: Int64?
  var unidentified: Int64?

  init(
    _ context: KeyspaceContext, id: NodeID, surveys: NodeSurveys, announcements: Announcements
  ) {
    self.context = context
    self.surveys = surveys
    self.announcements = announcements
    lease = NodeLease(context, id: id)
    registry = ConnectionRegistry(context, lease)
    users = UserEvents(context, lease, registry)
    publisher = ChannelPublisher(context, lease)
    reader = ChannelReader(context)
  }

  func start() {
    context.outlet.postToAll(.link(context.index, .lost))
    registry.end()
    context.onFenced = { [unowned self] in fenced() }
    lease.activeChannels = { [unowned self] in subscriptions.activeCount }
    lease.onOtherRun = { [unowned self] in runEnded() }
    context.links.listener = self
    context.links.start()
  }

  /// A loop has no listener of the channel any more.
  func detach(_ channel: ChannelName, _ loop: LoopIndex) {
    subscriptions.detach(channel, loop)
    // While the link is away there is nothing to unsubscribe from.
    if !subscriptions.knows(channel) { streams.forget(channel) }
  }

  // MARK: Links

  private func lose(_ loss: LinkLoss) {
    failure = loss.reason
    // What it was is not known any more.
    if loss.reason != layoutRefusal { layoutRefusal = nil }
    probe.forget()
    heard()
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
    context.links.markHealthy()
    rosters.ready()
    if context.linkState != .up, context.shares.joins.failed(now: context.loop.now) != nil {
      context.logger.info("the node joined its cluster", metadata: ["node": "\(lease.nodeID)"])
    }
    set(.up)
    onJoined()
  }

  // MARK: Time

  /// `isRenewing`: another keyspace of the node renews its lease now.
  func tick(isRenewing: Bool) {
    subscriptions.pauseWhileCongested()
    streams.refuseOverdueReads()
    subscriptions.expire()
    presence.endGraces()
    rosters.tellCounts()
    // Also while the node enters what it had, which may take longer than a lease lasts.
    if context.links.isConnected {
      lease.renewIfDue(early: isRenewing)
      identifyIfDue()
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
    guard context.isReady else { return context.links.reset(reason) }
    leaveEverything { [self] in context.links.reset(reason) }
  }

  /// Members leave in batches, the lease goes last; gives up after the time an answer may take.
  func stop(then done: @escaping () -> Void) {
    users.giveUp()
    leaveEverything { [self] in
      context.links.stop()
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

  /// What `/readyz` and answers call its Redis, where there are several.
  var name: String { context.links.isInCluster ? "redis" : "redis-\(context.index)" }

  /// Requests are answered, and what is published arrives.
  var isJoined: Bool { context.isReady && isSubscriberReady }

  var isWell: Bool { redisFailure == nil && probeFailure == nil && leaseFailure == nil }

  /// What is wrong with its Redis; nil where nothing is.
  var redisFailure: String? { isJoined ? nil : failure ?? "connecting" }
  var probeFailure: String? { probe.isHealthy ? nil : LinkProbe.failure }
  var leaseFailure: String? { lease.isHeld ? nil : "not held" }

  func add(to status: inout BrokerStatus) {
    status.channels += subscriptions.activeCount
    let age = lease.age(now: context.loop.now)
    status.leaseAge = [status.leaseAge, age].compactMap(\.self).max()
    status.reapedMembers += lease.reapedMembers
    status.malformedPayloads += subscriptions.malformedPayloads
    status.unknownPayloads += subscriptions.unknownPayloads
    status.gaps += streams.gaps
  }
}

extension Keyspace: KeyspaceLinksListener {
  func commandsReady(_ run: RedisRun) {
    greeted = run
    act(join.begin(run), context.generation)
  }

  func commandsLost(_ loss: LinkLoss) {
    context.isReady = false
    context.generation += 1
    identifyDue = nil
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
  func subscribe() {
    guard canSubscribe, lease.isHeld else { return }
    canSubscribe = false
    subscriptions.linked()
  }

  func subscriberLost(_ loss: LinkLoss) {
    canSubscribe = false
    isSubscriberReady = false
    surveys.answersLost()
    subscriptions.linkLost()
    streams.subscriptionsLost()
    // Whatever the link state is by now: the other link may have set it long ago.
    context.outlet.postToAll(.subscriptionsLost(context.index))
    rosters.subscriptionsLost()
    lose(loss)
  }

  func received(_ push: Push) {
    subscriptions.received(push)
  }
}

extension [Keyspace] {
  /// Joined ones, the first on each server: by them everybody is reached who is joined anywhere.
  var ofEachServer: [Keyspace] {
    var seen: Set<ObjectIdentifier> = []
    return filter { $0.isJoined && $0.context.links.place.map { seen.insert($0).inserted } ?? false }
  }
}

@available(*, unavailable)
extension Keyspace: Sendable {}
