import Cluster
import Glibc
import Model
import Testing

/// The address of Redis leads to another server, as after a failover, and not all connections go there at once.
struct TwoServersTests {
  private let alice = TestClient(1, user: "alice")

  /// Each link by itself would be well: one hears nothing of what the other says.
  @Test(arguments: ["pubsub", "normal"])
  func bothLinksGoToOneServer(cut: String) async throws {
    try await withCluster { cluster in
      let node = try await cluster.start("web-1")
      try await node.attach("room")
      try await node.enter(alice, "room")
      try await withCluster { other in
        // The old server goes on under another name, and the new one takes its place.
        let old = cluster.redis.socket + ".old"
        #expect(rename(cluster.redis.socket, old) == 0)
        #expect(rename(other.redis.socket, cluster.redis.socket) == 0)
        let probe = try RedisProbe(old)
        _ = try probe.call("CLIENT", "KILL", "TYPE", cut)
        try await wait(
          until: { try cluster.redis.list("PUBSUB", "CHANNELS").contains("apus:ch:room") }, "not subscribed there")
        try await wait(until: { node.log.links.last == .up }, "\(node.log.links)")
        try await node.settle("room")
        try await node.expectRoster("room", "alice 1")
        #expect(try probe.call("CLIENT", "LIST", "TYPE", "pubsub").text == "", "it listens to the old one, too")
        #expect(rename(cluster.redis.socket, other.redis.socket) == 0)
        #expect(rename(old, cluster.redis.socket) == 0)
      }
    }
  }
}
