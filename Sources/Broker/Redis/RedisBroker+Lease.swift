import Cluster
import Logging
import Model
import Reactor
import Redis

/// The node's own lease, other nodes' ends, and the probe.
extension RedisBroker {
  // MARK: The lease

  func renew(taking: Bool, then done: @escaping (Result<Void, RedisError>) -> Void) {
    renewalAsked = loop.now
    let fields =
      configuration.description
      + [
        ("name", nodeID.name), ("connections", String(configuration.connections())),
        ("channels", String(interest.activeCount)), ("draining", isDraining ? "1" : "0"),
      ]
    let arguments: [ScriptArgument] =
      [.text(nodeID.string), .text(String(Lease.duration)), taking ? "1" : "0"]
      + fields.flatMap { [.text($0.0), .text($0.1)] }
    let sent = scripts.run(.renew, keys: [keys.node(nodeID.string), keys.nodes], arguments) { [unowned self] outcome in
      guard case .reply(let reply) = outcome else { return }
      if let error = reply.error { return done(.failure(error)) }
      lease.confirm(now: loop.now)
      done(.success(()))
    }
    if !sent { commands.reset("the lease cannot be renewed") }
  }

  func renewIfDue() {
    guard lease.isDue(now: loop.now), loop.now - renewalAsked >= Lease.renewal else { return }
    renewLease()
  }

  func renewLease() {
    renew(taking: false) { [unowned self] result in
      if case .failure(let error) = result { complain(error) }
    }
  }

  /// The lease has run out while the node was paused or cut off: others may have taken its members out already.
  ///
  /// It goes on under a new id: enters everything anew, and only then reaps what is left of the old one, so that
  /// nobody is told of a leave that is none.
  func fenced() {
    guard isCommandReady else { return }
    logger.warning("the lease of this node has run out; it goes on under a new id", metadata: ["old": "\(nodeID)"])
    isCommandReady = false
    life += 1
    lease.lose()
    endRegistering()
    changeIdentity()
    hasLostLease = true
    prepareCommands()
  }

  func changeIdentity() {
    formerIDs.append(nodeID)
    unsubscribeOwnControl()
    guard let next = NodeID(name: nodeID.name, using: &random) else { return }
    nodeID = next
    hasHeldLease = false
    isSubscriberReady = false
    probe.forget()
    outlet.postToAll(.identity(next))
    subscribeControl()
  }

  func reapFormerIDs() {
    let former = formerIDs
    formerIDs = []
    for id in former {
      reaper.reap(id.string) { [unowned self] finished in
        if !finished { formerIDs.append(id) }
      }
    }
  }

  // MARK: Other nodes

  func lookForDeadNodes() {
    guard lease.mayReap(now: loop.now), loop.now - expiryAsked >= 1000 else { return }
    expiryAsked = loop.now
    let arguments: [ScriptArgument] = [
      .text(nodeID.string), .text(keys.nodePrefix), .text(keys.reapPrefix), .text(String(Reaper.claim)),
    ]
    _ = scripts.run(.expired, keys: [keys.nodes], arguments) { [unowned self] outcome in
      guard case .reply(let reply) = outcome else { return }
      if let error = reply.error { return complain(error) }
      for id in reply.children.map(\.string) {
        let before = reaper.reaped
        reaper.reap(id) { [unowned self] finished in
          guard finished else { return }
          logger.notice(
            "a dead node was reaped", metadata: ["node": "\(id)", "members": "\(reaper.reaped - before)"])
        }
      }
    }
  }

  // MARK: The probe

  func sendProbe() {
    guard isSubscriberReady, probe.isDue(now: loop.now) else { return }
    if hasPaused { probe.excuse() }
    hasPaused = false
    guard let number = probe.send(now: loop.now, microseconds: Sys.monotonicMicroseconds()) else {
      commands.reset("what is published does not come back")
      subscriber.reset("what is published does not come back")
      return
    }
    let channel = keys.control(nodeID)
    let payload = "probe \(number)"
    var command = RedisCommand("PUBLISH", channel)
    command.arg(payload)
    _ = commands.send(command) { _ in }
  }

  // MARK: The end

  /// Members leave in batches, the lease goes last; gives up after the time an answer may take.
  func leaveEverything(then done: @escaping () -> Void) {
    guard isCommandReady else { return done() }
    isCommandReady = false
    let completion = Completion(on: loop, within: configuration.timeout, done)
    reaper.reap(nodeID.string) { _ in completion.finish() }
  }
}
