import Cluster
import Logging
import Model
import Reactor
import Redis
import TLS

/// The broker of a cluster: everything that crosses nodes goes through Redis, one or several. It takes each question and
/// report to the keyspace it is for.
package final class RedisBroker: Broker {
  package struct Configuration: Sendable {
    /// At least one; all nodes of a cluster have the same, in the same order.
    package var urls: [RedisTarget]
    /// For URLs with TLS.
    package var security: TLSContext?
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
      urls: [RedisTarget], security: TLSContext? = nil, prefix: String, timeout: Int64, leaveGrace: Int64,
      nodeName: String,
      description: [(String, String)], maxMessageSize: Int, maxHistoryBytes: Int = HistoryRead.maxBytes,
      maxRosterBytes: Int = Roster.maxBytes, connections: @escaping @Sendable () -> Int
    ) {
      self.urls = urls
      self.security = security
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

    /// The keyspaces over which names are spread.
    package var keyspaces: KeyspaceMap { RedisTarget.keyspaces(of: urls) }
  }

  private static let unknown = Refusal(.unavailable, "Redis cannot be reached; nothing was counted.")
  /// Milliseconds after which a node serves clients although it was not joined everywhere.
  private static let patience: Int64 = 10_000

  private let map: KeyspaceMap
  private let surveys: NodeSurveys
  private let announcements: Announcements
  private let topology: any Topology
  private let keyspaces: [Keyspace]
  private unowned let loop: Loop
  private unowned let outlet: any BrokerOutlet
  private let leaveGrace: Int64
  private var started: Int64 = 0
  /// Whether the node was joined everywhere at one time.
  private var wasComplete = false
  private var ticker: Ticker?
  /// To be called when no member is left.
  private var gracesOver: (() -> Void)?

  package init(
    on loop: Loop, outlet: any BrokerOutlet, id: NodeID, configuration: Configuration, logger: Logger
  ) {
    self.loop = loop
    self.outlet = outlet
    leaveGrace = configuration.leaveGrace
    map = configuration.keyspaces
    topology =
      switch configuration.urls.first {
      case .cluster(let url): PartitionedTopology(url)
      case .server, .sentinels, nil: RedisShards(configuration.urls)
      }
    let surveys = NodeSurveys(on: loop, outlet: outlet)
    let announcements = Announcements(outlet)
    let contexts = topology.contexts(on: loop, outlet: outlet, configuration: configuration, logger: logger)
    keyspaces = contexts.map { Keyspace($0, id: id, surveys: surveys, announcements: announcements) }
    surveys.keyspaces = keyspaces
    announcements.keyspaces = keyspaces
    (self.surveys, self.announcements) = (surveys, announcements)
    topology.attach(keyspaces)
    for keyspace in keyspaces { keyspace.onJoined = { [unowned self] in noteCompleteness() } }
  }

  private func keyspace(of channel: ChannelName) -> Keyspace { keyspaces[map.index(of: channel)] }

  // MARK: Broker

  package func start() {
    started = loop.now
    for keyspace in keyspaces { keyspace.start() }
    topology.start()
    ticker = Ticker(on: loop, every: 100) { [unowned self] in
      topology.tick()
      let isRenewing = keyspaces.contains { $0.lease.isDue() }
      for keyspace in keyspaces { keyspace.tick(isRenewing: isRenewing) }
      surveys.answerOverdue()
      tellGracesOver()
    }
  }

  package func ask(_ question: Question, by caller: Caller) {
    switch question {
    case .publish(let publication): keyspace(of: publication.channel).publisher.publish(publication, caller)
    case .enter(let connection, let channel, let mode):
      keyspace(of: channel).presence.enter(connection, channel, mode, for: caller)
    case .history(let channel, let query): keyspace(of: channel).streams.read(channel, query, caller)
    case .presence(let channel, let onlyCount):
      keyspace(of: channel).rosters.query(channel, onlyCount: onlyCount, caller)
    case .send(let event, to: .user(let user)):
      keyspaces[map.index(of: user)].users.send(event, to: user, caller)
    case .send(let event, to: .everybody): announcements.send(event, caller)
    case .counts(let channels): count(channels, caller)
    case .connections(let channel, let cursor, let limit):
      keyspace(of: channel).reader.page(of: channel, cursor: cursor, limit: limit, caller)
    case .kept(let channel): keyspace(of: channel).reader.kept(in: channel, caller)
    case .clear(let channel): keyspace(of: channel).publisher.clear(channel, caller)
    case .survey(let question): surveys.ask(question, caller)
    }
  }

  /// Each keyspace counts its own; those of one that is away are not known. Where nothing is known it is a refusal.
  private func count(_ channels: [ChannelName], _ caller: Caller) {
    var counts = [Int?](repeating: nil, count: channels.count)
    var failure: Refusal?
    let places = Dictionary(grouping: channels.indices) { map.index(of: channels[$0]) }
    var missing = places.count
    guard missing > 0 else { return outlet.answer(.success(.counts([])), to: caller) }
    for (index, places) in places {
      keyspaces[index].reader.counts(of: places.map { channels[$0] }) { [unowned self] result in
        switch result {
        case .success(let found): for (place, count) in zip(places, found) { counts[place] = count }
        case .failure(let refusal): failure = refusal
        }
        missing -= 1
        guard missing == 0 else { return }
        let isKnown = counts.contains { $0 != nil }
        outlet.answer(isKnown ? .success(.counts(counts)) : .failure(failure ?? Self.unknown), to: caller)
      }
    }
  }

  package func take(_ report: LoopReport, from loop: LoopIndex) {
    switch report {
    case .attach(let channel): keyspace(of: channel).subscriptions.attach(channel, loop)
    case .detach(let channel): keyspace(of: channel).detach(channel, loop)
    case .update(let connection, let channel):
      keyspace(of: channel).presence.enter(connection, channel, .member, for: nil)
    case .leave(let client, let channel, let lost):
      let presence = keyspace(of: channel).presence
      lost ? presence.lose(client, channel) : presence.leave(client, channel)
    case .connected(let connection):
      keyspaces[map.index(of: connection.user, connection.client)].registry.connected(connection)
    case .disconnected(let client, let user):
      keyspaces[map.index(of: user, client)].registry.disconnected(client, user)
    case .openConnections(let keyspace, let connections, let next):
      keyspaces[keyspace].registry.received(connections, next: next, loop)
    }
  }

  package func beginDraining() {
    for keyspace in keyspaces { keyspace.beginDraining() }
  }

  private var hasMembers: Bool { keyspaces.contains { $0.presence.hasMembers } }

  package func waitForGraces(then done: @escaping () -> Void) {
    guard leaveGrace > 0, hasMembers else { return done() }
    let completion = Completion(on: loop, within: leaveGrace, done)
    gracesOver = completion.finish
  }

  private func tellGracesOver() {
    guard let done = gracesOver, !hasMembers else { return }
    gracesOver = nil
    done()
  }

  package func stop(then done: @escaping () -> Void) {
    ticker?.stop()
    surveys.giveUp()
    var missing = keyspaces.count
    for keyspace in keyspaces {
      keyspace.stop {
        missing -= 1
        if missing == 0 { done() }
      }
    }
  }

  // MARK: How it stands

  package var status: BrokerStatus {
    var status = BrokerStatus()
    for keyspace in keyspaces { keyspace.add(to: &status) }
    status.shards = topology.shards
    status.moves = topology.moves
    status.keyspacesJoined = keyspaces.count(where: \.isJoined)
    status.dependencies = topology.dependencies
    let isOver = wasComplete || loop.now - started >= Self.patience && topology.isAdmitted
    status.isReady = isOver && keyspaces.contains(where: \.isWell)
    return status
  }

  private func noteCompleteness() {
    if !wasComplete { wasComplete = keyspaces.allSatisfy(\.isJoined) }
  }
}

@available(*, unavailable)
extension RedisBroker: Sendable {}
