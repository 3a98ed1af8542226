import Cluster
import Logging
import Model
import Reactor
import Redis

/// How the keyspace does what its `KeyspaceJoin` asks for.
extension Keyspace {
  /// How often it is asked whether the run goes on, and for how long a node waits for one that knows, in milliseconds.
  private static let witnessInterval: Int64 = 200
  private static let patience: Int64 = 2000

  private func act(_ actions: [KeyspaceJoin.Action], _ generation: UInt64) {
    for action in actions { act(action, generation) }
  }

  func act(_ action: KeyspaceJoin.Action, _ generation: UInt64) {
    switch action {
    case .identify(let run, let previousRun, let lostLease): identify(run, previousRun, lostLease, generation)
    case .adopt(let run): adopt(run)
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
    case .reset(let reason): context.links.resetCommands(reason)
    }
  }

  private func adopt(_ run: RedisRun) {
    if run.name != lease.run.name { publisher.forgetKept() }
    lease.adopt(run)
  }

  private func leased(_ error: RedisError?, _ generation: UInt64) {
    doubt(error)
    if isElsewhere(error) { return }
    subscribe()
    act(join.leased(error), generation)
  }

  /// A primary without replicas may be an old one: the Sentinels are asked.
  private func doubt(_ error: RedisError?) {
    if error?.code == .noReplicas { context.links.doubt() }
  }

  /// Resets both links if the error says that other nodes have another list; returns whether it does.
  private func isElsewhere(_ error: RedisError?) -> Bool {
    layoutRefusal = error?.otherLayout.map(context.layout.refusal)
    guard let layoutRefusal else { return false }
    context.links.reset(layoutRefusal)
    return true
  }

  func heard() {
    isHeard = true
    onHeard()
  }

  /// All keyspaces were heard: goes on where it waits for that, or asks again where others have a later era.
  func goOn() {
    guard let answer = identified else { return }
    identified = nil
    guard answer.generation == context.generation else { return }
    if era < latestEra() { return act(join.begin(greeted), answer.generation) }
    act(join.identified(.success((run: answer.run, isDoubtful: answer.isDoubtful))), answer.generation)
  }

  /// Joins anew if this Redis missed a change of the list that others know of: what was published then may stand in another
  /// one, so its run and all epochs end.
  func follow(era latest: Int) {
    if context.isReady, era < latest { context.links.reset("the nodes had another list of Redis meanwhile") }
  }

  /// Asks again whether the run goes on, after a slot was moved that this node has not seen leave.
  func identifyIfDue() {
    guard let due = identifyDue, context.loop.now >= due else { return }
    identifyDue = nil
    act(join.begin(greeted), context.generation)
  }

  /// Whether it is known by now, or waited for no longer.
  private var isOverdue: Bool {
    unidentified.map { context.loop.now - $0 >= Self.patience } ?? false
  }

  private func waitForWitness() {
    let now = context.loop.now
    unidentified = unidentified ?? now
    identifyDue = now + Self.witnessInterval
  }

  /// Another run of Redis, which may have lost its last second, or everything, is another epoch for every history.
  private func identify(_ run: RedisRun, _ previousRun: String?, _ lostLease: Bool, _ generation: UInt64) {
    let scripts = StreamScripts(keys: context.keys, run: run)
    let call = scripts.identify(
      newSeed: context.newSeed(), previousRun: previousRun, lostLease: lostLease, layout: context.layout,
      era: latestEra(), kept: publisher.timeSinceKept, voucher: context.links.voucher, isOverdue: isOverdue)
    let asked = context.links.run(call) { [unowned self] outcome in
      guard case .reply(let reply) = outcome, generation == context.generation else { return }
      doubt(reply.error)
      if isElsewhere(reply.error) { return }
      if let error = reply.error { return act(join.identified(.failure(error)), generation) }
      guard let name = reply[0]?.string else {
        return context.links.resetCommands("its answer is not the name of a run")
      }
      guard !name.isEmpty else { return waitForWitness() }
      unidentified = nil
      era = reply[2]?.integer ?? 0
      identified = (name, reply[1]?.integer == 1, generation)
      heard()
    }
    if !asked { context.links.resetCommands("the connection was lost at once") }
  }

  /// Every member has been entered: requests are answered again.
  private func joined(_ generation: UInt64) {
    // A link that is being lost answers what was under way before it says that it is lost.
    guard generation == context.generation, context.links.isConnected else { return }
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
  func fenced() {
    guard context.isReady else { return }
    if context.shares.lostLeases.failed(now: context.loop.now) != nil {
      context.logger.warning(
        "the lease of this node has expired; it continues under a new id", metadata: ["old": "\(lease.nodeID)"])
    }
    context.isReady = false
    context.generation += 1
    lease.lose()
    registry.end()
    join.leaseLost()
    act(join.takeNewID(), context.generation)
    context.links.lookAgain()
  }

  /// Another node has ended the run, since something is lost that this node has not told its clients of.
  func runEnded() {
    context.links.reset("another run of Redis has begun")
  }

  private func takeNewID() {
    // Their answers go to the old id.
    surveys.answersLost()
    subscriptions.unsubscribeOwnControl()
    guard let id = lease.takeNewID() else { return }
    isSubscriberReady = false
    probe.forget()
    // By its id in the first keyspace the node is known to its clients.
    if context.index == 0 { context.outlet.postToAll(.nodeRenamed(id)) }
    subscriptions.subscribeControl()
  }
}
