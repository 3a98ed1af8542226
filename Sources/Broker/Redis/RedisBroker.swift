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
  }

  private static let unknown = Refusal(.unavailable, "Redis cannot be reached; nothing was counted.")
  /// Milliseconds after which a node serves clients although it was not joined everywhere.
  private static let patience: Int64 = 10_000

  private let map: KeyspaceMap
  private let surveys: NodeSurveys
  private let announcements: Announcements
  private let keyspaces: [Keyspace]
  private unowned let loop: Loop
  private unowned let outlet: any BrokerOutlet
  private let leaveGrace: Int64
  private let logger: Logger
  private var started: Int64 = 0
  private var ticker: Ticker?
  /// To be called when no member is left.
  private var gracesOver: (() -> Void)?

  package init(
    on loop: Loop, outlet: any BrokerOutlet, id: NodeID, configuration: Configuration, logger: Logger
  ) {
    self.loop = loop
    self.outlet = outlet
    leaveGrace = configuration.leaveGrace
    map = KeyspaceMap(count: configuration.urls.count)
    self.logger = logger
    // With several Redis each line says which one it is about.
    let loggers = configuration.urls.indices.map { index in
      var own = logger
      if configuration.urls.count > 1 { own[metadataKey: "shard"] = "\(index)" }
      return own
    }
    let servers = zip(configuration.urls, loggers).map { url, logger in
      RedisServer(
        url, security: configuration.security, name: "apus-\(configuration.nodeName)", on: loop,
        timeout: configuration.timeout, logger: logger)
    }
    let surveys = NodeSurveys(on: loop, outlet: outlet)
    let announcements = Announcements(outlet)
    keyspaces = servers.enumerated().map { index, server in
      Keyspace(
        index, server, on: loop, outlet: outlet, surveys: surveys, announcements: announcements, id: id,
        configuration: configuration, logger: loggers[index])
    }
    surveys.keyspaces = keyspaces
    announcements.keyspaces = keyspaces
    (self.surveys, self.announcements) = (surveys, announcements)
    for keyspace in keyspaces {
      keyspace.latestEra = { [unowned self] in latestEra }
      // Before that, a Redis that missed another list would pass a history off as whole.
      keyspace.onHeard = { [unowned self] in
        if keyspaces.allSatisfy(\.isHeard) { for each in keyspaces { each.goOn() } }
      }
    }
    for (index, server) in servers.enumerated() {
      // Of two names for one server: what is known of the one would be taken for that of the other.
      server.refusal = { [unowned self] runID in
        let other = keyspaces.firstIndex { $0.context.server.runID == runID }
        if let other, other != index { return "it is the same server as \(keyspaces[other].name)" }
        return wasComplete || keyspaces[index].layoutRefusal != nil ? nil : layoutRefusal
      }
    }
  }

  /// The latest that any keyspace has heard.
  private var latestEra: Int { keyspaces.reduce(0) { max($0, $1.era) } }

  /// Whether the node was joined everywhere at one time: it belongs to this cluster.
  private var wasComplete = false

  private func noteCompleteness() {
    if !wasComplete { wasComplete = keyspaces.allSatisfy(\.isJoined) }
  }

  /// What is wrong with the list of Redis, if other nodes have another.
  private var layoutRefusal: String? {
    keyspaces.lazy.compactMap { keyspace in keyspace.layoutRefusal.map { "\(keyspace.name) is \($0)" } }.first
  }

  /// A node with another list than the others must not be in a part of their cluster.
  private func giveBackWhatIsNotOurs() {
    guard !wasComplete, let layoutRefusal else { return }
    for keyspace in keyspaces where keyspace.isJoined { keyspace.giveBack(layoutRefusal) }
  }

  private func keyspace(of channel: ChannelName) -> Keyspace { keyspaces[map.index(of: channel)] }

  // MARK: Broker

  package func start() {
    started = loop.now
    for keyspace in keyspaces { keyspace.start() }
    ticker = Ticker(on: loop, every: 100) { [unowned self] in
      for keyspace in keyspaces { keyspace.tick() }
      surveys.answerOverdue()
      if keyspaces.count > 1 {
        let era = latestEra
        for keyspace in keyspaces { keyspace.follow(era: era) }
      }
      noteCompleteness()
      giveBackWhatIsNotOurs()
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
    status.keyspacesJoined = keyspaces.count(where: \.isJoined)
    status.dependencies = dependencies
    noteCompleteness()
    let isList = layoutRefusal == nil && keyspaces.allSatisfy { $0.context.server.refused == nil }
    let isOver = wasComplete || loop.now - started >= Self.patience && isList
    status.isReady = isOver && keyspaces.contains(where: \.isWell)
    return status
  }

  /// `redis` alone, or `redis-0`, `redis-1` and so on; where there are several, `probe` and `lease` name those that are not
  /// well.
  private var dependencies: [(name: String, failure: String?)] {
    guard keyspaces.count > 1 else {
      let keyspace = keyspaces[0]
      return [
        ("redis", keyspace.redisFailure), ("probe", keyspace.probeFailure), ("lease", keyspace.leaseFailure),
      ]
    }
    let list = { [keyspaces] (failure: (Keyspace) -> String?) -> String? in
      let failures = keyspaces.compactMap { keyspace in failure(keyspace).map { "\(keyspace.name): \($0)" } }
      return failures.isEmpty ? nil : failures.joined(separator: "; ")
    }
    return keyspaces.map { ($0.name, $0.redisFailure) }
      + [("probe", list(\.probeFailure)), ("lease", list(\.leaseFailure))]
  }
}

@available(*, unavailable)
extension RedisBroker: Sendable {}
