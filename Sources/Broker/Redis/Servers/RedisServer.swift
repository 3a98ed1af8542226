import Logging
import Reactor
import Redis
import TLS

/// One Redis that is talked to, by two links: one for commands and one for what is subscribed. It knows no channels.
///
/// Before it is used it is looked at: that it is a primary, what its run is, that it has the scripts, and that both links
/// lead to it.
final class RedisServer {
  let commands: RedisLink
  let subscriber: RedisLink
  let scripts: ScriptRunner
  let pubSub: PubSub
  /// Set before `start`, and lives as long. Unowned, since it is asked for each message.
  unowned var listener: (any KeyspaceLinksListener)!
  /// Why the server of that `run_id` must not be used, if that is so; set before `start`.
  var refusal: (_ runID: String) -> String? = { _ in nil }
  /// Why it was not used when it was looked at last, by `refusal`.
  private(set) var refused: String?
  /// Of the server, as long as it can be used.
  private(set) var runID: String?
  private var join: ServerJoin
  private var pair = LinkPair()
  /// Where the address is told by Sentinels.
  private let sentinels: SentinelLocator?
  /// How many of them answer; nil where there are none.
  var sentinelsUp: Int? { sentinels?.answering }
  /// Counts the lives of the command link, so that answers to an earlier look are dropped.
  private var life: UInt64 = 0

  /// A Redis of its own. `name` is what `CLIENT LIST` shows, `timeout` the milliseconds a connection or an answer may take.
  convenience init(
    _ target: RedisTarget, security: TLSContext?, name: String, on loop: Loop, timeout: Int64, logger: Logger
  ) {
    let locator: any Locator
    var sentinels: SentinelLocator?
    switch target {
    case .server(let url): locator = FixedLocator(url)
    case .sentinels(let url):
      let asked = SentinelLocator(url, security: security, name: name, on: loop, timeout: timeout, logger: logger)
      (locator, sentinels) = (asked, asked)
    case .cluster(let url): locator = FixedLocator(url.servers[0], peer: .clusterServer)
    }
    self.init(
      by: locator, sentinels, .classic, security: security, name: name, on: loop, timeout: timeout, logger: logger)
  }

  /// A primary of a Redis Cluster.
  convenience init(
    inClusterAt url: RedisURL, security: TLSContext?, name: String, on loop: Loop, timeout: Int64, logger: Logger
  ) {
    let locator = FixedLocator(url, peer: .clusterServer)
    self.init(by: locator, nil, .sharded, security: security, name: name, on: loop, timeout: timeout, logger: logger)
  }

  private init(
    by locator: any Locator, _ sentinels: SentinelLocator?, _ pubSub: PubSub, security: TLSContext?, name: String,
    on loop: Loop, timeout: Int64, logger: Logger
  ) {
    let link = { RedisLink(by: locator, security: security, name: $0, on: loop, timeout: timeout, logger: logger) }
    commands = link(name)
    subscriber = link("\(name)-sub")
    scripts = ScriptRunner(link: commands, pubSub)
    join = ServerJoin(isInCluster: pubSub == .sharded)
    self.pubSub = pubSub
    self.sentinels = sentinels
  }

  func start() {
    commands.onEvent = { [unowned self] in commandsChanged($0) }
    subscriber.onEvent = { [unowned self] in subscriberChanged($0) }
    subscriber.onPush = { [unowned self] in received($0) }
    sentinels?.onMove = { [unowned self] url, reason in
      commands.leave(unless: url, reason)
      subscriber.leave(unless: url, reason)
    }
    sentinels?.start()
    commands.start()
    subscriber.start()
  }

  /// Both links are of no use, for that reason: they are made anew.
  func reset(_ reason: String) {
    commands.reset(reason)
    subscriber.reset(reason)
  }

  /// It refuses writes for want of replicas: it may be an old primary, cut off from those that have chosen another.
  func doubt() {
    sentinels?.doubt()
  }

  /// Looks at the server again, as after a lost connection: it tells `commandsReady` once more.
  func lookAgain() {
    life += 1
    act(join.begin(), life)
  }

  /// Both links were of use: when they are lost, the first attempt to come back follows at once.
  func markHealthy() {
    commands.markHealthy()
    subscriber.markHealthy()
  }

  func stop() {
    commands.stop()
    scripts.linkLost()
    subscriber.stop()
    sentinels?.stop()
  }

  // MARK: Commands

  private func commandsChanged(_ event: RedisLink.Event) {
    switch event {
    case .connected: lookAgain()
    case .lost(let reason): commandsLost(LinkLoss(reason: reason, isUnreachable: false))
    case .unreachable(let reason): commandsLost(LinkLoss(reason: reason, isUnreachable: true))
    }
  }

  private func commandsLost(_ loss: LinkLoss) {
    life += 1
    runID = nil
    pair.commandsLost()
    scripts.linkLost()
    listener.commandsLost(loss)
  }

  /// Does what the look asks for; an answer to an earlier look is dropped.
  private func act(_ action: ServerJoin.Action, _ life: UInt64) {
    switch action {
    case .askRole: ask(RedisCommand("ROLE"), life, { $0[0]?.string ?? "" }) { $0.role($1) }
    case .askInfo: ask(RedisCommand("INFO"), life, \.string) { $0.info($1) }
    case .loadScripts:
      scripts.load { [unowned self] error in
        if life == self.life { act(join.scriptsLoaded(error), life) }
      }
    case .joined(let run): joined(run)
    case .reset(let reason): commands.reset(reason)
    }
  }

  private func ask(
    _ command: RedisCommand, _ life: UInt64, _ read: @escaping (RedisReplyView) -> String,
    _ next: @escaping (inout ServerJoin, Result<String, RedisError>) -> ServerJoin.Action
  ) {
    let asked = commands.send(command) { [unowned self] outcome in
      guard case .reply(let reply) = outcome, life == self.life else { return }
      act(next(&join, reply.error.map { .failure($0) } ?? .success(read(reply))), life)
    }
    if !asked { commands.reset("the connection was lost at once") }
  }

  private func joined(_ run: RedisRun) {
    let life = life
    refused = refusal(run.name)
    if let refused { return commands.reset(refused) }
    runID = run.name
    act(pair.commandsReached(run.name))
    if life == self.life { listener.commandsReady(run) }
  }

  // MARK: Subscriptions

  private func subscriberChanged(_ event: RedisLink.Event) {
    switch event {
    case .connected: askSubscriber()
    case .lost(let reason): subscriberLost(LinkLoss(reason: reason, isUnreachable: false))
    case .unreachable(let reason): subscriberLost(LinkLoss(reason: reason, isUnreachable: true))
    }
  }

  private func subscriberLost(_ loss: LinkLoss) {
    pair.subscriberLost()
    listener.subscriberLost(loss)
  }

  private func received(_ reply: RedisReplyView) {
    guard let push = Push(reply, pubSub) else { return }
    switch push {
    case .message: break
    // In a Cluster each command is followed by PING, whose answer stands for all.
    case .subscribed, .unsubscribed: if pubSub == .classic { subscriber.confirmed() }
    case .pong: subscriber.confirmed()
    case .error(let error): if pubSub == .classic { return subscriber.reset(error.advice) }
    }
    listener.received(push)
  }

  /// As long as nothing is subscribed, a link answers like any other.
  private func askSubscriber() {
    let asked = subscriber.send(RedisCommand("INFO", "server")) { [unowned self] outcome in
      guard case .reply(let reply) = outcome else { return }
      if let error = reply.error { return subscriber.reset(error.advice) }
      guard let runID = ServerJoin.runID(of: reply.string) else { return subscriber.reset(ServerJoin.noRunID) }
      act(pair.subscriberReached(runID))
    }
    if !asked { subscriber.reset("the connection was lost at once") }
  }

  private func act(_ action: LinkPair.Action) {
    switch action {
    case .wait: break
    case .subscribe: listener.subscriberReady()
    case .reset: reset("its two connections lead to different servers")
    }
  }
}

@available(*, unavailable)
extension RedisServer: Sendable {}
