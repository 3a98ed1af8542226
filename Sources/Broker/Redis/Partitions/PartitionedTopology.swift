import Cluster
import Logging
import Reactor
import Redis

/// A Redis Cluster, over which 64 keyspaces are spread, its partitions: each is one slot, wherever that is.
final class PartitionedTopology: Topology {
  private let url: ClusterURL
  private var cluster: RedisCluster?
  private var keyspaces: [Keyspace] = []

  init(_ url: ClusterURL) {
    self.url = url
  }

  func contexts(
    on loop: Loop, outlet: any BrokerOutlet, configuration: RedisBroker.Configuration, logger: Logger
  ) -> [KeyspaceContext] {
    let cluster = RedisCluster(
      url, prefix: configuration.prefix, security: configuration.security, name: "apus-\(configuration.nodeName)",
      on: loop, timeout: configuration.timeout, logger: logger)
    self.cluster = cluster
    // What happens to a server happens to all its partitions.
    let shares = KeyspaceShares(lines: 1)
    return cluster.partitions.map { links in
      var logger = logger
      logger[metadataKey: "partition"] = "\(links.index)"
      let keys = RedisKeys(prefix: RedisCluster.prefix(configuration.prefix, of: links.index))
      return KeyspaceContext(
        links.index, links, keys, .ofPartition, shares, on: loop, outlet: outlet, configuration: configuration,
        logger: logger)
    }
  }

  func attach(_ keyspaces: [Keyspace]) {
    self.keyspaces = keyspaces
    for keyspace in keyspaces { keyspace.onHeard = { [unowned keyspace] in keyspace.goOn() } }
  }

  func start() {
    cluster?.start()
  }

  func tick() {
    cluster?.tick()
  }

  // MARK: How it stands

  var isAdmitted: Bool { true }

  var dependencies: [(name: String, failure: String?)] {
    let list = { [keyspaces] (failure: (Keyspace) -> String?) -> String? in
      let failures = keyspaces.compactMap(failure)
      return failures.first.map { "\(failures.count) of \(keyspaces.count) partitions: \($0)" }
    }
    return [("redis", redisFailure), ("probe", list(\.probeFailure)), ("lease", list(\.leaseFailure))]
  }

  /// Each reason once: most are those of a server.
  private var redisFailure: String? {
    let failures = keyspaces.compactMap(\.redisFailure)
    guard !failures.isEmpty else { return nil }
    if let failure = cluster?.failure, failures.count == keyspaces.count { return failure }
    let reasons = failures.reduce(into: [String]()) { if !$0.contains($1) { $0.append($1) } }
    return "\(failures.count) of \(keyspaces.count) partitions are away: \(reasons.prefix(3).joined(separator: "; "))"
  }

  var shards: [BrokerStatus.Shard] {
    (cluster?.linked ?? []).map { linked in
      let own = keyspaces.filter { $0.context.links.place == ObjectIdentifier(linked) }
      return BrokerStatus.Shard(
        name: linked.address.description, isUp: own.contains(where: \.isJoined), reconnects: linked.server.reconnects,
        roundTrip: linked.prober.flatMap { keyspaces[$0.index].probe.roundTrip })
    }
  }

  var moves: Int? { cluster?.moves }
}

@available(*, unavailable)
extension PartitionedTopology: Sendable {}
