import Cluster
import Model
import Testing

/// What happens while a node that is connected again brings Redis in line with itself.
struct RecoveryTests {
  private static let channels = (0..<3000).compactMap { ChannelName("room:\($0)") }
  private static let alice = TestClient(1, user: "alice")

  @Test func whoLeavesMeanwhileIsGone() async throws {
    try await withCluster { cluster in
      let node = try await inRecovery(cluster) { node, _ in
        for channel in Self.channels { node.leave(Self.alice, channel) }
        node.flush()
      }
      try await node.waitForLink(.up)
      // Also in those channels that had been looked through by then.
      try await wait(
        until: {
          try cluster.redis.list("KEYS", "*").sorted() == [
            "apus:layout", "apus:node:\(node.id)", "apus:nodes", "apus:run",
          ]
        },
        "\(try cluster.redis.list("KEYS", "apus:presence:*").count) channels are left")
    }
  }

  @Test func whoEntersMeanwhileIsThere() async throws {
    try await withCluster { cluster in
      let bob = TestClient(2, user: "bob")
      let node = try await inRecovery(cluster) { node, _ in
        for channel in Self.channels.prefix(10) { node.sendEnter(bob, channel) }
        node.flush()
      }
      for channel in Self.channels.prefix(10) {
        try await wait(
          until: { node.log.enterAnswers(to: bob.session, in: channel).map(\.summary) == ["alice 1, bob 1"] },
          "no answer to enter \(channel)")
      }
    }
  }

  @Test func aConnectionThatEndsMeanwhileIsNotUpForAMoment() async throws {
    try await withCluster { cluster in
      let node = try await inRecovery(cluster) { _, probe in try probe.send("CLIENT", "KILL", "TYPE", "normal") }
      try await node.waitForLink(.up)
      #expect(node.log.links == [.lost, .up, .lost, .up])
      #expect(try await node.roster(Self.channels[0]).summary == "alice 1")
    }
  }

  /// Starts a node with a member in many channels, ends its connection, and runs `work` while Redis is paused and the
  /// node, connected again, is looking through those channels. What `work` writes to the probe is carried out soon.
  private func inRecovery(
    _ cluster: Cluster, _ work: (BrokerHarness, RedisProbe) throws -> Void
  ) async throws -> BrokerHarness {
    let redis = cluster.redis
    let node = try await cluster.start("web-1", timeout: 30_000)
    for channel in Self.channels { node.sendEnter(Self.alice, channel) }
    let last = Self.channels[Self.channels.count - 1]
    try await wait(until: { !node.log.enterAnswers(to: Self.alice.session, in: last).isEmpty }, "no answer to enter")
    try redis.call("CLIENT", "KILL", "TYPE", "normal")
    let probe = try redis.connect()
    while try !probe.call("CLIENT", "LIST").text.contains("cmd=hscan") {}
    try redis.whilePaused {
      // What had been answered before is worked off, and from here on nothing moves.
      node.flush()
      try #require(node.log.links == [.lost, .up, .lost], "the node was faster than the test")
      try work(node, probe)
    }
    _ = try probe.call("PING")
    return node
  }
}
