import Broker
import Cluster
import Logging
import Model
import Redis
import Testing

/// The Redis of a test, one or several, and its nodes on them.
final class Cluster {
  /// The first, or the only one.
  let redis: RedisProcess
  let shards: [RedisProcess]
  /// The same where they are a Redis Cluster; empty where not.
  let primaries: [ClusterPrimary]
  private var nodes: [BrokerHarness] = []

  init(_ redis: RedisProcess, _ others: [RedisProcess] = [], primaries: [ClusterPrimary] = []) {
    self.redis = redis
    shards = [redis] + others
    self.primaries = primaries
  }

  /// Starts a node and waits until it is joined to the cluster.
  func start(
    _ name: String, prefix: String = "apus:", loops: Int = 2, timeout: Int64 = 5000, leaveGrace: Int64 = 300
  ) async throws -> BrokerHarness {
    let node = try begin(name, prefix: prefix, loops: loops, timeout: timeout, leaveGrace: leaveGrace)
    try await node.waitForLink(.up)
    return node
  }

  /// Starts a node that need not find its Redis; `login` is what the URL says before the path, such as `:secret@`,
  /// `shards` the list of Redis where it is another than the test's.
  ///
  /// `timeout` and `leaveGrace` in milliseconds; the first is far above what a busy machine takes to answer.
  func begin(
    _ name: String, login: String = "", prefix: String = "apus:", loops: Int = 2, timeout: Int64 = 5000,
    leaveGrace: Int64 = 300, shards list: [RedisProcess]? = nil
  ) throws -> BrokerHarness {
    let servers = primaries.map { "127.0.0.1:\($0.port)" }.joined(separator: ",")
    let targets =
      servers.isEmpty
      ? try (list ?? shards).map { try RedisTarget("unix://\(login)\($0.socket)") }
      : [try RedisTarget("redis+cluster://\(login)\(servers)")]
    let id = try NodeID.random(name)
    let configuration = RedisBroker.Configuration(
      urls: targets, prefix: prefix, timeout: timeout, leaveGrace: leaveGrace,
      nodeName: name, description: [("host", "here"), ("version", "1.2.3"), ("started", "1730000000123")],
      maxMessageSize: 1000, connections: { 7 })
    let node = try BrokerHarness(id: id, loops: loops, keyspaces: RedisTarget.keyspaces(of: targets)) { loop, outlet in
      let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
      return RedisBroker(on: loop, outlet: outlet, id: id, configuration: configuration, logger: logger)
    }
    nodes.append(node)
    return node
  }

  fileprivate func end() async {
    for node in nodes { await node.stop() }
    for redis in shards { redis.remove() }
  }
}

extension BrokerHarness {
  /// Waits until the node's link is in that state.
  func waitForLink(_ state: LinkState) async throws {
    try await wait(
      until: { (0..<keyspaces.count).allSatisfy { log.links(with: $0).last == state } },
      "the link is not \(state): \(log.links), \(await status().dependencies)")
  }
}

/// Runs a test on a Redis of its own, or several, which run unless `isRunning` is false, and ends everything afterwards.
func withCluster(
  redis options: [String] = [], shards: Int = 1, isRunning: Bool = true, _ test: (Cluster) async throws -> Void
) async throws {
  let others = try (1..<shards).map { _ in try RedisProcess(options: options) }
  let cluster = Cluster(try RedisProcess(options: options), others)
  try await run(test, on: cluster) { if isRunning { for redis in $0.shards { try await redis.start() } } }
}

/// Runs a test on a Redis Cluster of its own, of three primaries, and ends everything afterwards.
func withRedisCluster(_ test: (Cluster) async throws -> Void) async throws {
  try await redisClusters.pass {
    let primaries = try (0..<3).map { _ in try ClusterPrimary() }
    let servers = primaries.map(\.redis)
    try await run(test, on: Cluster(servers[0], Array(servers.dropFirst()), primaries: primaries)) {
      for redis in $0.shards { try await redis.start() }
      try await ClusterPrimary.join($0.primaries)
    }
  }
}

/// Servers that have to wait long for the processor take each other for failed.
private let redisClusters = Turnstile(places: 6)

private func run(
  _ test: (Cluster) async throws -> Void, on cluster: Cluster, after begin: (Cluster) async throws -> Void
) async throws {
  do {
    try await begin(cluster)
    try await test(cluster)
  } catch {
    await cluster.end()
    throw error
  }
  await cluster.end()
}
