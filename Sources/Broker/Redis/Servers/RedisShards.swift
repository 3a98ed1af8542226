import Cluster
import Logging
import Reactor
import Redis

/// One Redis, or several, each of which is a keyspace; all nodes must have the same list of them.
final class RedisShards: Topology {
  private let targets: [RedisTarget]
  private var servers: [RedisServer] = []
  private var keyspaces: [Keyspace] = []
  /// Whether the node was joined everywhere at one time: it belongs to this cluster.
  private var wasComplete = false

  init(_ targets: [RedisTarget]) {
    self.targets = targets
  }

  func contexts(
    on loop: Loop, outlet: any BrokerOutlet, configuration: RedisBroker.Configuration, logger: Logger
  ) -> [KeyspaceContext] {
    let shares = KeyspaceShares(lines: 10)
    let keys = RedisKeys(prefix: configuration.prefix)
    return targets.enumerated().map { index, target in
      // With several Redis each line says which one it is about.
      var logger = logger
      if targets.count > 1 { logger[metadataKey: "shard"] = "\(index)" }
      let server = RedisServer(
        target, security: configuration.security, name: "apus-\(configuration.nodeName)", on: loop,
        timeout: configuration.timeout, logger: logger)
      servers.append(server)
      return KeyspaceContext(
        index, server, keys, Layout(index, of: targets), shares, on: loop, outlet: outlet, configuration: configuration,
        logger: logger)
    }
  }

  func attach(_ keyspaces: [Keyspace]) {
    self.keyspaces = keyspaces
    for keyspace in keyspaces {
      keyspace.latestEra = { [unowned self] in latestEra }
      // Before that, a Redis that missed another list would pass a history off as whole.
      keyspace.onHeard = { [unowned self] in
        if self.keyspaces.allSatisfy(\.isHeard) { for each in self.keyspaces { each.goOn() } }
      }
    }
    for (index, server) in servers.enumerated() {
      // Of two names for one server: what is known of the one would be taken for that of the other.
      server.refusal = { [unowned self] runID in
        let other = servers.firstIndex { $0.runID == runID }
        if let other, other != index { return "it is the same server as \(self.keyspaces[other].name)" }
        return wasComplete || self.keyspaces[index].layoutRefusal != nil ? nil : layoutRefusal
      }
    }
  }

  func start() {}

  func tick() {
    if keyspaces.count > 1 {
      let era = latestEra
      for keyspace in keyspaces { keyspace.follow(era: era) }
    }
    noteCompleteness()
    giveBackWhatIsNotOurs()
  }

  // MARK: The list

  /// The latest that any keyspace has heard.
  private var latestEra: Int { keyspaces.reduce(0) { max($0, $1.era) } }

  private func noteCompleteness() {
    if !wasComplete { wasComplete = keyspaces.allSatisfy(\.isJoined) }
  }

  /// The fault of the list of Redis, if other nodes have another.
  private var layoutRefusal: String? {
    keyspaces.lazy.compactMap { keyspace in keyspace.layoutRefusal.map { "\(keyspace.name) is \($0)" } }.first
  }

  /// A node with another list than the others must not be in a part of their cluster.
  private func giveBackWhatIsNotOurs() {
    guard !wasComplete, let layoutRefusal else { return }
    for keyspace in keyspaces where keyspace.isJoined { keyspace.giveBack(layoutRefusal) }
  }

  // MARK: How they stand

  var isAdmitted: Bool { layoutRefusal == nil && servers.allSatisfy { $0.refused == nil } }

  /// `redis` alone, or `redis-0`, `redis-1` and so on; where there are several, `probe` and `lease` name those that are not
  /// well.
  var dependencies: [(name: String, failure: String?)] {
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

  var shards: [BrokerStatus.Shard] {
    zip(servers, keyspaces).enumerated().map { index, shard in
      BrokerStatus.Shard(
        name: "\(index)", isUp: shard.1.isJoined, reconnects: shard.0.reconnects, roundTrip: shard.1.probe.roundTrip,
        sentinelsUp: shard.0.sentinelsUp)
    }
  }

  var moves: Int? { nil }
}

@available(*, unavailable)
extension RedisShards: Sendable {}
