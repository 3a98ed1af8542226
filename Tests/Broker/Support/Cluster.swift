import Broker
import Cluster
import Logging
import Model
import Redis
import Testing

/// One Redis and the nodes of a test on it.
final class Cluster {
  let redis: RedisProcess
  private var nodes: [BrokerHarness] = []

  init(_ redis: RedisProcess) {
    self.redis = redis
  }

  /// Starts a node and waits until it is joined to the cluster.
  func start(
    _ name: String, prefix: String = "apus:", loops: Int = 2, timeout: Int64 = 5000, leaveGrace: Int64 = 300
  ) async throws -> BrokerHarness {
    let node = try begin(name, prefix: prefix, loops: loops, timeout: timeout, leaveGrace: leaveGrace)
    try await node.waitForLink(.up)
    return node
  }

  /// Starts a node that need not find its Redis; `login` is what the URL says before the path, such as `:secret@`.
  ///
  /// `timeout` and `leaveGrace` in milliseconds; the first is far above what a busy machine takes to answer.
  func begin(
    _ name: String, login: String = "", prefix: String = "apus:", loops: Int = 2, timeout: Int64 = 5000,
    leaveGrace: Int64 = 300
  ) throws -> BrokerHarness {
    let id = try NodeID.random(name)
    let configuration = RedisBroker.Configuration(
      url: try RedisURL("unix://\(login)\(redis.socket)"), prefix: prefix, timeout: timeout, leaveGrace: leaveGrace,
      nodeName: name, description: [("host", "here"), ("version", "1.2.3"), ("started", "1730000000123")],
      maxMessageSize: 1000, connections: { 7 })
    let node = try BrokerHarness(id: id, loops: loops) { loop, outlet in
      let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
      return RedisBroker(on: loop, outlet: outlet, id: id, configuration: configuration, logger: logger)
    }
    nodes.append(node)
    return node
  }

  fileprivate func end() async {
    for node in nodes { await node.stop() }
    redis.remove()
  }
}

extension BrokerHarness {
  /// Waits until the node's link is in that state.
  func waitForLink(_ state: LinkState) async throws {
    try await wait(
      until: { log.links.last == state },
      "the link is not \(state): \(log.links), \(await status().dependencies)")
  }
}

/// Runs a test on a Redis of its own, which runs unless `isRunning` is false, and ends everything afterwards.
func withCluster(
  redis options: [String] = [], isRunning: Bool = true, _ test: (Cluster) async throws -> Void
) async throws {
  let cluster = Cluster(try RedisProcess(options: options))
  do {
    if isRunning { try await cluster.redis.start() }
    try await test(cluster)
  } catch {
    await cluster.end()
    throw error
  }
  await cluster.end()
}
