import Reactor
import Redis

/// The links of a partition: its part of those of whatever server has its slot.
///
/// Commands go only while the slot is known to be there whole: before that, and at each sign that it is not, EXISTS is asked
/// of a key that never is. `0` says that all is well, `MOVED` leads on, and at `ASK` the slot is being moved key by key:
/// then commands are refused until it has arrived, while what is subscribed stays, since the old server still publishes.
final class PartitionLinks {
  /// How long subscriptions at the server that had the slot last are kept, in milliseconds: what was published there before
  /// the slot was moved is still on its way.
  private static let farewell: Int64 = 500
  /// How long a server that was seen in the slot is vouched for, in milliseconds.
  static let memory: Int64 = 5000
  /// Within this time after one sign of change another one is not followed at once, in milliseconds.
  private static let hastiness: Int64 = 100
  private static let moving = "its slot is being moved"

  unowned var listener: (any KeyspaceLinksListener)!
  let index: Int
  /// Set before `start`.
  unowned var cluster: RedisCluster!
  /// A key of the slot that never exists.
  private let nobody: String
  /// The server that has the slot; nil where none is known.
  private(set) var server: ClusterServer?
  /// Whether commands go: the listener was told.
  var isOpen = false
  /// The server where the listener has been told to subscribe.
  var subscribed: ClusterServer?
  /// Until when those subscriptions are kept although the slot is elsewhere.
  var farewellEnds: Int64?
  /// Names that are being unsubscribed, with how often: any other that ends says that the slot is gone.
  var unsubscribing: [String: Int] = [:]
  /// Counts the lives of the way for commands, so that late answers tell nothing of the present one.
  var life: UInt64 = 0
  private var isChecking = false
  private var checkDue: Int64?
  /// How long to wait before the next check. It grows until the keyspace has joined.
  var backoff = Backoff()
  private var turned = Cooldown()
  private var random = SystemRandomNumberGenerator()
  /// Whether the run was identified at the present server, whose answers say since then that it has the slot.
  var isIdentified = false
  /// The server that was last seen to have the slot, and when; `isOver` once it has said by itself that it has it no more.
  var seen: (address: ServerAddress, identity: ServerIdentity, at: Int64, isOver: Bool)?

  init(_ index: Int, prefix: String) {
    self.index = index
    nobody = prefix + "none"
  }

  // MARK: Where the slot is

  /// The slot is at that server; nil where it has no owner.
  func assign(_ server: ClusterServer?) {
    guard let server else {
      self.server = nil
      life += 1
      closeCommands(unreachable("its slot \(PartitionTags.slot(ofPartition: index)) has no owner"))
      return endSubscriptions("its slot has no owner")
    }
    guard server !== self.server else { return }
    loseCommands("its slot has moved")
    self.server = server
    cancelChecks()
    if let subscribed { farewellEnds = subscribed === server ? nil : cluster.now + Self.farewell }
    checkUnlessHasty()
  }

  /// No server is known, for that reason.
  func isNowhere(_ reason: String) {
    if server == nil { listener.commandsLost(unreachable(reason)) }
  }

  func commandsReady() {
    check()
  }

  func commandsLost(_ loss: LinkLoss) {
    cancelChecks()
    closeCommands(loss)
  }

  /// The links of that server are lost: it may go on with the slot, and is not vouched for any more. One that has given
  /// the slot away may go.
  func forget(_ address: ServerAddress) {
    if let seen, seen.address == address, !seen.isOver { self.seen = nil }
  }

  /// That server says that it has the slot no more.
  func noteOver(at server: ClusterServer) {
    guard let seen, seen.address == server.address, seen.identity == server.identity else { return }
    self.seen = (seen.address, seen.identity, cluster.now, true)
  }

  func tick(now: Int64) {
    if let farewellEnds, now >= farewellEnds { endSubscriptions("its slot has moved") }
    if let checkDue, now >= checkDue { check() }
  }

  // MARK: Whether the slot is there

  func cancelChecks() {
    life += 1
    isChecking = false
    checkDue = nil
  }

  func check() {
    guard let server, server.run != nil, !isChecking else { return }
    checkDue = nil
    let life = life
    isChecking = server.server.commands.send(RedisCommand("EXISTS", nobody)) { [unowned self] outcome in
      guard life == self.life else { return }
      isChecking = false
      if case .reply(let reply) = outcome { checked(reply, at: server) }
    }
  }

  /// Checks now, or a little later where there was another sign of change just before: two servers may each name the other,
  /// and the answers of one may not go together.
  func checkUnlessHasty() {
    if turned.restart(after: Self.hastiness, now: cluster.now) { check() } else { checkLater() }
  }

  private func checkLater() {
    checkDue = cluster.now + Int64(backoff.next(using: &random))
  }

  private func checked(_ reply: RedisReplyView, at server: ClusterServer) {
    guard let error = reply.error else {
      noteSeen(at: server, onlyAgain: true)
      return open(at: server)
    }
    switch error.code {
    case .moved: redirected(error, by: server)
    case .ask:
      noteSeen(at: server, onlyAgain: true)
      if let address = Redirection(error, askedAt: server.address)?.address { cluster.link(to: address) }
      checkAgain(Self.moving)
    case .clusterDown:
      cluster.isDown(server)
      checkAgain("\(server.address): the Cluster has no majority, or the slot no owner (CLUSTERDOWN)")
    case .noScript, .readOnly, .loading, .masterDown, .outOfMemory, .noAuth, .noPermission, .wrongPassword, .noReplicas,
      .tryAgain, .crossSlot, .other:
      checkAgain("\(server.address): \(LinkPeer.clusterServer.advice(on: error))")
    }
  }

  func checkAgain(_ reason: String) {
    checkLater()
    closeCommands(unreachable(reason))
  }

  private func open(at server: ClusterServer) {
    guard !isOpen, let run = server.run else { return }
    isOpen = true
    isIdentified = false
    listener.commandsReady(run)
    offerSubscriptions()
  }

  // MARK: Signs of change

  /// Commands do not go any more; the listener is told before the answer that says so is handed on.
  func loseCommands(_ reason: String) {
    guard isOpen else { return }
    cancelChecks()
    closeCommands(LinkLoss(reason: reason, isUnreachable: false))
  }

  private func closeCommands(_ loss: LinkLoss) {
    isOpen = false
    isIdentified = false
    listener.commandsLost(loss)
  }

  private func unreachable(_ reason: String) -> LinkLoss { LinkLoss(reason: reason, isUnreachable: true) }

  private func redirected(_ error: RedisError, by server: ClusterServer) {
    let address = Redirection(error, askedAt: server.address)?.address
    noteOver(at: server)
    loseCommands("\(server.address): its slot has moved\(address.map { " to \($0)" } ?? "")")
    // Where that leads nowhere new.
    checkLater()
    cluster.moved(index, to: address)
  }

  /// An answer has come by the present way.
  func note(_ outcome: RedisLink.Outcome, of script: Script?) {
    guard case .reply(let reply) = outcome, let server else { return }
    guard reply.kind == .error, let error = reply.error else {
      if script == .identify { isIdentified = reply[0]?.bytes.isEmpty == false }
      return noteSeen(at: server)
    }
    act(on: error, by: server)
  }

  func act(on error: RedisError, by server: ClusterServer) {
    switch error.code {
    case .moved: redirected(error, by: server)
    case .ask, .tryAgain:
      noteSeen(at: server)
      loseCommands(Self.moving)
      checkUnlessHasty()
    case .clusterDown: clusterIsDown(at: server)
    // Where reads are allowed all the same EXISTS does not say so.
    case .other where error.message.contains("while the cluster is down"): clusterIsDown(at: server)
    // A script that has come upon a key which is not there any more; or something else, and all is well.
    case .other where error.message.hasPrefix("ERR "): verify(at: server)
    case .noScript, .readOnly, .loading, .masterDown, .outOfMemory, .noAuth, .noPermission, .wrongPassword, .noReplicas,
      .crossSlot, .other:
      break
    }
  }

  private func clusterIsDown(at server: ClusterServer) {
    cluster.isDown(server)
    loseCommands("\(server.address): the Cluster is down")
    checkUnlessHasty()
  }

  /// Asks whether the slot is still there, while commands go on.
  private func verify(at server: ClusterServer) {
    let life = life
    _ = server.server.commands.send(RedisCommand("EXISTS", nobody)) { [unowned self] outcome in
      guard life == self.life, case .reply(let reply) = outcome, let error = reply.error, error.isOfSlot else { return }
      act(on: error, by: server)
    }
  }

  /// `onlyAgain`: as one that was seen there before.
  private func noteSeen(at server: ClusterServer, onlyAgain: Bool = false) {
    guard let identity = server.identity else { return }
    let isSeen = seen?.address == server.address && seen?.identity == identity
    if onlyAgain ? isSeen : isIdentified { seen = (server.address, identity, cluster.now, false) }
  }
}

@available(*, unavailable)
extension PartitionLinks: Sendable {}
