import Broker
import Cluster
import Model

/// The brokers that have to behave the same.
enum BrokerKind: CaseIterable, Sendable {
  case memory
  case redis
  /// Three of them.
  case shards
  /// A Redis Cluster of three primaries.
  case cluster
}

/// Runs a test on one node with a broker of that kind; `leaveGrace` in milliseconds.
func withNode(
  _ kind: BrokerKind, leaveGrace: Int64 = 300, _ test: (BrokerHarness) async throws -> Void
) async throws {
  switch kind {
  case .memory:
    let id = try NodeID.random("alone")
    let node = try BrokerHarness(id: id, loops: 2) { loop, outlet in
      MemoryBroker(on: loop, outlet: outlet, id: id, leaveGrace: leaveGrace)
    }
    do { try await test(node) } catch {
      await node.stop()
      throw error
    }
    await node.stop()
  case .redis:
    try await withCluster { try await test($0.start("web-1", leaveGrace: leaveGrace)) }
  case .shards:
    try await withCluster(shards: 3) { try await test($0.start("web-1", leaveGrace: leaveGrace)) }
  case .cluster:
    try await withRedisCluster { try await test($0.start("web-1", leaveGrace: leaveGrace)) }
  }
}
