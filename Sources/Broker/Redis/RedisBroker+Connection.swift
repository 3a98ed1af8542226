import Cluster
import Logging
import Model
import Reactor
import Redis

/// Coming up and going down.
///
/// The command link is ready when Redis has been looked at, the scripts are loaded, the lease is held and every member
/// of this node has been entered. The subscriber link is ready when the control channels are confirmed.
extension RedisBroker {
  func commandsChanged(_ event: RedisLink.Event) {
    switch event {
    case .connected: prepareCommands()
    case .lost(let reason), .unreachable(let reason):
      isCommandReady = false
      life += 1
      lease.lose()
      scripts.linkLost()
      refuseQueuedReads()
      giveUpLookups()
      endRegistering()
      changed(event, reason)
    }
  }

  func subscriberChanged(_ event: RedisLink.Event) {
    switch event {
    case .connected:
      subscribeControl()
      subscribe(to: interest.linked())
    case .lost(let reason), .unreachable(let reason):
      isSubscriberReady = false
      interest.linkLost()
      continuity.lost()
      continuity.forget(allBut: { !interest.loops(of: $0).isEmpty })
      catchUps = [:]
      reads.forgetMissing()
      waitingReads.forget(allBut: { !interest.loops(of: $0).isEmpty })
      // Whatever the link state is by now: the other link may have set it long ago.
      outlet.postToAll(.subscriptionsLost)
      forgetUnheardChannels()
      resyncAt = .max
      changed(event, reason)
    }
  }

  private func changed(_ event: RedisLink.Event, _ reason: String) {
    trouble = reason
    probe.forget()
    if case .unreachable = event {
      setLinkState(.down)
      refuseWaiting()
      refuseWaitingRosters()
      refuseWaitingReads()
    } else if linkState == .up {
      setLinkState(.lost)
    }
  }

  /// Both links may be ready now.
  func checkReady() {
    guard isCommandReady, isSubscriberReady, linkState == .up || catchUps.isEmpty else { return }
    trouble = nil
    commands.settled()
    subscriber.settled()
    // Time for other nodes to enter their members again, too.
    if resyncAt == .max { resyncAt = loop.now + 3000 }
    if linkState != .up, joins.failed(now: loop.now) != nil {
      logger.info("the node is joined to its cluster", metadata: ["node": "\(nodeID)"])
    }
    setLinkState(.up)
  }

  private func setLinkState(_ state: LinkState) {
    guard state != linkState else { return }
    linkState = state
    outlet.postToAll(.link(state))
  }

  // MARK: The command link

  /// Looks at the Redis behind the link, takes the lease, and enters everything again.
  func prepareCommands() {
    let life = life
    let asked = commands.send(RedisCommand("ROLE")) { [unowned self] outcome in
      guard case .reply(let reply) = outcome, life == self.life else { return }
      if let error = reply.error { return commands.reset(error.advice) }
      guard reply[0]?.string == "master" else {
        return commands.reset("this Redis is a replica (READONLY): Apus needs the primary")
      }
      readInfo(life)
    }
    if !asked { commands.reset("the connection was lost at once") }
  }

  private func readInfo(_ life: UInt64) {
    let asked = commands.send(RedisCommand("INFO")) { [unowned self] outcome in
      guard case .reply(let reply) = outcome, life == self.life else { return }
      if let error = reply.error { return commands.reset(error.advice) }
      guard let runID = Self.field("run_id", of: reply.string) else {
        return commands.reset("this Redis does not tell its run_id")
      }
      let former = Self.field("master_replid2", of: reply.string) ?? ""
      greeted = RedisRun(
        name: runID, replicationID: Self.field("master_replid", of: reply.string) ?? "",
        formerReplicationID: former.allSatisfy { $0 == "0" } ? "" : former)
      loadScripts(life)
    }
    if !asked { commands.reset("the connection was lost at once") }
  }

  private static func field(_ name: String, of info: String) -> String? {
    let lines = info.split(whereSeparator: \.isNewline)
    let value = lines.first { $0.hasPrefix(name + ":") }?.dropFirst(name.utf8.count + 1) ?? ""
    return value.isEmpty ? nil : String(value)
  }

  private func loadScripts(_ life: UInt64) {
    scripts.load { [unowned self] error in
      guard life == self.life else { return }
      if let error { return commands.reset(error.advice) }
      identifyRun(life)
    }
  }

  /// Another run of Redis, which may have lost its last second, or everything, is another epoch for every history.
  private func identifyRun(_ life: UInt64) {
    let greeting = StreamScripts(keys: keys, run: greeted)
    let asked = scripts.run(greeting.identify(newSeed: newSeed(), former: lastRun, lostLease: hasLostLease)) {
      [unowned self] outcome in
      guard case .reply(let reply) = outcome, life == self.life else { return }
      if let error = reply.error { return commands.reset(error.advice) }
      guard let name = reply[0]?.string else { return commands.reset("it answers what is no name of a run") }
      run = RedisRun(
        name: name, replicationID: greeted.replicationID, formerReplicationID: greeted.formerReplicationID)
      if reply[1]?.integer == 1 { reentry.begin(loops: outlet.loopCount) }
      // What stands in Redis may be older than what was written there last: all of it goes with the id, and what is so
      // is entered anew.
      if hasHeldLease, run.name != lastRun { changeIdentity() }
      lastRun = run.name
      hasLostLease = false
      takeLease(life)
    }
    if !asked { commands.reset("the connection was lost at once") }
  }

  private func takeLease(_ life: UInt64) {
    renew(taking: !hasHeldLease) { [unowned self] result in
      guard life == self.life else { return }
      switch result {
      case .success:
        hasHeldLease = true
        enterAgain(life)
      case .failure(let error) where error.isFenced:
        reentry.begin(loops: outlet.loopCount)
        changeIdentity()
        takeLease(life)
      case .failure(let error): commands.reset(error.advice)
      }
    }
  }

  /// Every member has been entered: requests are answered again.
  func commandsReady(_ life: UInt64) {
    // A link that is being lost answers what was under way before it says that it is lost.
    guard life == self.life, commands.isConnected else { return }
    isCommandReady = true
    sendMissedLeaves()
    beginRegistering()
    readEverythingMissing()
    let waiting = waitingEntries
    waitingEntries = []
    for entry in waiting { resume(entry) }
    askWaitingRosters()
    reapFormerIDs()
    checkReady()
  }
}
