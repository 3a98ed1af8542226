import Cluster
import DequeModule
import JSON
import Logging
import Model
import Reactor
import Redis

/// The broker of a cluster: everything that crosses nodes goes through one Redis.
///
/// Two links: one for commands, one for what is subscribed. The no-I/O parts decide (`Interest`, `PresenceTable`,
/// `Lease`, `Crowd`); this class and its extensions send and receive:
/// `+Connection` (coming up, going down), `+Messages` (pub/sub), `+History`, `+CatchUp`, `+Presence`, `+Rosters`, `+Lease`
/// (leases, reaping, probe), `+Connections` (who is connected), `+Direct` (events that belong to no channel).
package final class RedisBroker: Broker {
  package struct Configuration: Sendable {
    package var url: RedisURL
    package var prefix: String
    /// Milliseconds a connection or an answer may take.
    package var timeout: Int64
    /// Milliseconds a lost connection stays present.
    package var leaveGrace: Int64
    /// The name part of the node id.
    package var nodeName: String
    /// What the node's hash in Redis says besides: version, address, and so on.
    package var description: [(String, String)]
    /// The largest message, in bytes; larger ones from other programs are dropped.
    package var maxMessageSize: Int
    /// What the answer to a `history` may hold, in bytes.
    package var maxHistoryBytes: Int
    /// What an answer with the members of a channel may have, in bytes.
    package var maxRosterBytes: Int
    /// How many connections the node has now.
    package var connections: @Sendable () -> Int

    package init(
      url: RedisURL, prefix: String, timeout: Int64, leaveGrace: Int64, nodeName: String,
      description: [(String, String)], maxMessageSize: Int, maxHistoryBytes: Int = HistoryRead.maxBytes,
      maxRosterBytes: Int = Roster.maxBytes, connections: @escaping @Sendable () -> Int
    ) {
      self.url = url
      self.prefix = prefix
      self.timeout = timeout
      self.leaveGrace = leaveGrace
      self.nodeName = nodeName
      self.description = description
      self.maxMessageSize = maxMessageSize
      self.maxHistoryBytes = maxHistoryBytes
      self.maxRosterBytes = maxRosterBytes
      self.connections = connections
    }
  }

  let configuration: Configuration
  let keys: RedisKeys
  let logger: Logger
  unowned let loop: Loop
  unowned let outlet: any BrokerOutlet

  let commands: RedisLink
  let subscriber: RedisLink
  let scripts: ScriptRunner
  let reaper: Reaper

  var nodeID: NodeID
  var interest = Interest()
  var continuity = Continuity()
  /// Reads that wait for their turn.
  var reads = ReadQueue()
  var isReadingNext = false
  /// Reads of what is missing that have not been answered.
  var catchUps: [ChannelName: CatchUp] = [:]
  /// Reads for subscribes that wait for the messages they tell of.
  var waitingReads = WaitingReads()
  /// Gaps that were told.
  var gaps = 0
  /// The run of Redis that the node is joined to, and what INFO tells of it: that has no name yet.
  var run = RedisRun(name: "", replicationID: "")
  var greeted = RedisRun(name: "", replicationID: "")
  /// The name of the one that the node was joined to before.
  var lastRun: String?
  var presence = PresenceTable()
  var departures: GraceQueue
  var crowd = Crowd()
  var lease = Lease()
  var random = SystemRandomNumberGenerator()

  /// How far the two links are.
  var isCommandReady = false
  var isSubscriberReady = false
  var linkState = LinkState.lost
  /// What keeps the links from being ready, in a sentence.
  var trouble: String? = "not connected yet"
  /// Counts the lives of the command link, so that work of an earlier one stops.
  var life: UInt64 = 0
  /// Ids this node had before it lost their leases, still to be reaped.
  var formerIDs: [NodeID] = []
  var hasHeldLease = false
  /// Whether the lease was found gone and Redis has not been looked at since.
  var hasLostLease = false

  /// Joins that wait for the command link.
  var waitingEntries: [Entry] = []
  /// Rosters that wait for it.
  var waitingRosters: [ReadQueue.Question: [Caller]] = [:]
  /// Channels of which somebody here is told joins and leaves.
  var watched: Set<ChannelName> = []
  /// Joins and leaves of channels whose roster is being read to be told.
  var held: [ChannelName: [(frame: Frame, excluded: ClientID?)]] = [:]
  /// When the rosters of watched channels are to be told anew, because events may have been missed.
  var resyncAt: Int64?

  /// Who is connected, as far as Redis may have lost it.
  var reentry = Reentry()
  /// Sends that wait for Redis to know whether the user is there.
  var lookups = UserLookups()

  /// Connections that are gone and of which Redis may still know.
  var departed: Deque<Departed> = []
  /// Whether Redis has refused to know of some that are open, and when.
  var isRegistryIncomplete = false
  var registryRefused: Int64 = 0
  var departureRefused: Int64 = .min / 2

  var probe = Probe()
  /// Whether the subscriber was left unread since the last probe.
  var hasPaused = false
  var renewalAsked: Int64 = 0
  var expiryAsked: Int64 = 0
  var ticker: Ticker?
  var isDraining = false
  /// Whether leaves could not be sent or were refused, and are to be sent again.
  var hasUnsentLeaves = false
  var leavesAsked: Int64 = 0
  /// To be called when no member is left.
  private var gracesOver: (() -> Void)?
  var malformedPayloads = 0
  var malformedTally = FailureTally()
  /// What Redis refuses, by the kind of error, and how often the node has joined: both are told of once in a while.
  var refusals: [RedisError.Code: FailureTally] = [:]
  var joins = FailureTally(burst: 10)
  var scratch = ByteWriter(capacity: 4096)

  /// A request to be where the roster is told, with whom to answer, if anybody.
  struct Entry {
    let caller: Caller?
    let occupant: Occupant
    let channel: ChannelName
    let mode: PresenceMode
  }

  package init(
    on loop: Loop, outlet: any BrokerOutlet, id: NodeID, configuration: Configuration, logger: Logger
  ) {
    self.loop = loop
    self.outlet = outlet
    self.configuration = configuration
    self.logger = logger
    nodeID = id
    keys = RedisKeys(prefix: configuration.prefix)
    departures = GraceQueue(grace: configuration.leaveGrace)
    commands = RedisLink(
      to: configuration.url, name: "apus-\(id.name)", on: loop, timeout: configuration.timeout, logger: logger)
    subscriber = RedisLink(
      to: configuration.url, name: "apus-\(id.name)-sub", on: loop, timeout: configuration.timeout, logger: logger)
    scripts = ScriptRunner(link: commands)
    reaper = Reaper(keys: keys, link: commands, scripts: scripts)
  }

  // MARK: Broker

  package func start() {
    outlet.postToAll(.link(.lost))
    endRegistering()
    commands.onEvent = { [unowned self] in commandsChanged($0) }
    subscriber.onEvent = { [unowned self] in subscriberChanged($0) }
    subscriber.onPush = { [unowned self] in received($0) }
    commands.start()
    subscriber.start()
    ticker = Ticker(on: loop, every: 100) { [unowned self] in tick() }
  }

  package func ask(_ question: Question, by caller: Caller) {
    switch question {
    case .publish(let publication): publish(publication, caller)
    case .enter(let occupant, let channel, let mode):
      enter(Entry(caller: caller, occupant: occupant, channel: channel, mode: mode))
    case .history(let channel, let query): readHistory(channel, query, caller)
    case .presence(let channel, let onlyCount): queryPresence(channel, onlyCount: onlyCount, caller)
    case .send(let event, to: let addressee): send(event, to: addressee, caller)
    }
  }

  package func take(_ report: LoopReport, from loop: LoopIndex) {
    switch report {
    case .attach(let channel): act(interest.attach(channel, loop))
    case .detach(let channel):
      interest.detach(channel, loop, now: self.loop.now)
      // While the link is away there is nothing to unsubscribe from.
      if !interest.knows(channel) { forgetHistory(channel) }
    case .update(let occupant, let channel):
      enter(Entry(caller: nil, occupant: occupant, channel: channel, mode: .member))
    case .leave(let client, let channel, let lost):
      lost ? lose(client, channel) : leave(client, channel)
    case .connected(let connection): connected(connection)
    case .disconnected(let client, let user): disconnected(client, user)
    case .announced(let connections, let next): announced(connections, next: next, loop)
    }
  }

  package func beginDraining() {
    isDraining = true
    guard isCommandReady else { return }
    renewLease()
  }

  package func waitForGraces(then done: @escaping () -> Void) {
    guard configuration.leaveGrace > 0, presence.hasWanted else { return done() }
    let completion = Completion(on: loop, within: configuration.leaveGrace, done)
    gracesOver = completion.finish
  }

  private func tellGracesOver() {
    guard let done = gracesOver, !presence.hasWanted else { return }
    gracesOver = nil
    done()
  }

  package func stop(then done: @escaping () -> Void) {
    ticker?.stop()
    giveUpLookups()
    leaveEverything { [self] in
      commands.stop()
      scripts.linkLost()
      subscriber.stop()
      // Those whose last question was answered meanwhile.
      giveUpLookups()
      done()
    }
  }

  package var status: BrokerStatus {
    var status = BrokerStatus()
    let isReady = isCommandReady && isSubscriberReady
    status.dependencies = [
      ("redis", isReady ? nil : trouble ?? "connecting"),
      ("probe", probe.isHealthy ? nil : "what is published does not come back"),
      ("lease", lease.isHeld ? nil : "not held"),
    ]
    status.shards = [
      BrokerStatus.Shard(
        isUp: isReady, reconnects: commands.reconnects + subscriber.reconnects, roundTrip: probe.roundTrip)
    ]
    status.channels = interest.activeCount
    status.leaseAge = lease.age(now: loop.now)
    status.reapedMembers = reaper.reaped
    status.malformedPayloads = malformedPayloads
    status.gaps = gaps
    return status
  }

  // MARK: Time

  private func tick() {
    pauseWhileCongested()
    refuseOverdueReads()
    for action in interest.expire(now: loop.now) { act(action) }
    endGraces()
    tellGracesOver()
    tellCrowds()
    // Also while the node enters what it had, which may take longer than a lease lasts.
    if commands.isConnected {
      renewIfDue()
      if !run.name.isEmpty, reentry.takeDue(now: loop.now) { tellDoubt() }
    }
    guard isCommandReady else { return }
    readNext()
    lookAgain()
    repeatLeavesIfDue()
    repeatRegistrationIfDue()
    lookForDeadNodes()
    sendProbe()
    resyncIfDue()
  }
}

@available(*, unavailable)
extension RedisBroker: Sendable {}
