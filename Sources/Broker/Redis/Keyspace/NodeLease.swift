import Logging
import Model
import Reactor
import Redis

/// The node's own id and lease in a keyspace, and the ends of other nodes.
final class NodeLease {
  /// Milliseconds between two looks for nodes whose lease is over.
  private static let expiryInterval: Int64 = 1000

  private unowned let context: KeyspaceContext
  private let reaper: Reaper
  /// How many channels have a listener on this node, as its hash in Redis says.
  var activeChannels: () -> Int = { 0 }
  /// Called where Redis goes by another run than the one that the node is joined to.
  var onOtherRun: () -> Void = {}
  private(set) var nodeID: NodeID
  /// The run of Redis that the node is joined to; without a name before that.
  private(set) var run = RedisRun(name: "", replicationID: "")
  /// Whether the cluster is told that the node goes away soon.
  private var isDraining = false
  private var lease = Lease()
  private var renewed = Cooldown()
  /// When the first lease of all nodes is over, and a random time after it: not all nodes look at once.
  private var expiry: Int64?
  private var lookedForExpired = Cooldown()
  /// Ids this node had before it lost their leases, still to be reaped.
  private var previousIDs: [NodeID] = []

  init(_ context: KeyspaceContext, id: NodeID) {
    self.context = context
    nodeID = id
    reaper = Reaper(keys: context.keys, links: context.links) {
      [unowned context] in context.handle(serverError: $0)
    }
  }

  var isHeld: Bool { lease.isHeld }
  var reapedMembers: Int { reaper.reaped }

  func age(now: Int64) -> Int64? { lease.age(now: now) }

  // MARK: The run

  func adopt(_ run: RedisRun) {
    self.run = run
  }

  // MARK: The lease

  func renew(taking: Bool, then done: @escaping (RedisError?) -> Void) {
    renewed.start(now: context.loop.now)
    let fields =
      context.configuration.description
      + [
        ("name", nodeID.name), ("connections", String(context.configuration.connections())),
        ("channels", String(activeChannels())), ("draining", isDraining ? "1" : "0"),
      ]
    let arguments: [ScriptArgument] =
      [.text(nodeID.string), .text(String(Lease.duration)), taking ? "1" : "0", .text(context.layout.text)]
      + fields.flatMap { [.text($0.0), .text($0.1)] }
    let keys = [context.keys.node(nodeID.string), context.keys.nodes, context.keys.layout, context.keys.run]
    let sent = context.links.run(.renew, keys: keys, arguments) { [unowned self] outcome in
      guard case .reply(let reply) = outcome else { return }
      if let error = reply.error { return done(error) }
      lease.confirm(now: context.loop.now)
      noteExpiry(reply)
      done(nil)
      if let name = reply[2]?.string, !name.isEmpty, name != run.name { onOtherRun() }
    }
    if !sent { context.links.resetCommands("the lease cannot be renewed") }
  }

  /// Renews the lease when it is time, or `early` where another is renewed now: all together wake a node once.
  func renewIfDue(early: Bool = false) {
    if isDue(early: early) { renew() }
  }

  func isDue(early: Bool = false) -> Bool {
    let now = context.loop.now
    let interval = early ? Lease.earlyRenewal : Lease.renewal
    return lease.isDue(after: interval, now: now) && renewed.isOver(after: interval, now: now)
  }

  /// Renews the lease, unless that was done less than `interval` milliseconds ago.
  func renew(unlessWithin interval: Int64) {
    if renewed.isOver(after: interval, now: context.loop.now) { renew() }
  }

  func renew() {
    renew(taking: false) { [unowned self] error in
      if let error { context.handle(serverError: error) }
    }
  }

  func beginDraining() {
    isDraining = true
  }

  /// The connection, or the lease itself, is gone.
  func lose() {
    lease.lose()
  }

  // MARK: Ids

  /// Goes on under another id; nil where the node's name makes none.
  func takeNewID() -> NodeID? {
    previousIDs.append(nodeID)
    guard let next = context.newNodeID() else { return nil }
    nodeID = next
    return next
  }

  /// Takes out what is left of the ids before this one.
  func reapPreviousIDs() {
    let previous = previousIDs
    previousIDs = []
    for id in previous {
      reaper.reap(id.string) { [unowned self] finished in
        if !finished { previousIDs.append(id) }
      }
    }
  }

  /// Takes out of Redis the members of this node for whom `keeping` says no; `done` is told whether all were looked at.
  func sweep(keeping: @escaping (ClientID, ChannelName) -> Bool, then done: @escaping (Bool) -> Void) {
    reaper.sweep(nodeID.string, keeping: keeping, done: done)
  }

  /// Takes out of Redis everything of this node, the lease last.
  func leave(then done: @escaping () -> Void) {
    reaper.reap(nodeID.string) { [unowned self] _ in
      context.links.isInCluster ? done() : forgetLayout(then: done)
    }
  }

  /// When the last node has gone, the next may come with another list of Redis at once.
  private func forgetLayout(then done: @escaping () -> Void) {
    let asked = context.links.send(RedisCommand("ZCARD", context.keys.nodes)) { [unowned self] outcome in
      guard case .reply(let reply) = outcome, reply.kind == .integer, reply.integer == 0 else { return done() }
      if !context.links.send(RedisCommand("DEL", context.keys.layout), answer: { _ in done() }) { done() }
    }
    if !asked { done() }
  }

  // MARK: Other nodes

  private func noteExpiry(_ reply: RedisReplyView) {
    guard let clock = reply[0]?.integer, let end = reply[1].flatMap({ Int64($0.string) }) else { return }
    let left = max(0, end - Int64(clock))
    let next = context.loop.now + left + Int64.random(in: 0...Self.expiryInterval)
    // One that is over is looked for, whatever else was told since.
    expiry = left > 0 ? next : min(next, expiry ?? next)
  }

  /// Looks for nodes whose lease is over, where there may be any.
  func lookForDeadNodes() {
    let now = context.loop.now
    guard let expiry, now >= expiry, lease.mayReap(now: now),
      lookedForExpired.restart(after: Self.expiryInterval, now: now)
    else { return }
    let arguments: [ScriptArgument] = [
      .text(nodeID.string), .text(context.keys.nodePrefix), .text(context.keys.reapPrefix), .text(String(Reaper.claim)),
    ]
    _ = context.links.run(.expired, keys: [context.keys.nodes], arguments) { [unowned self] outcome in
      guard case .reply(let reply) = outcome else { return }
      if let error = reply.error { return context.handle(serverError: error) }
      for id in reply.children.map(\.string) { reap(id) }
    }
  }

  private func reap(_ id: String) {
    let before = reaper.reaped
    reaper.reap(id) { [unowned self] finished in
      guard finished, let count = context.shares.reaped.failed(now: context.loop.now) else { return }
      context.logger.notice(
        "a dead node was reaped",
        metadata: ["node": "\(id)", "members": "\(reaper.reaped - before)", "times": "\(count)"])
    }
  }
}

@available(*, unavailable)
extension NodeLease: Sendable {}
