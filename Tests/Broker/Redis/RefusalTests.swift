import Cluster

import Model
import Testing

/// Redis answers, but not as Apus needs it.
struct RefusalTests {
  @Test(arguments: [("", "NOAUTH"), (":wrong@", "WRONGPASS"), ("nobody:secret@", "WRONGPASS")])
  func whatIsWrongWithTheLoginIsSaid(login: String, word: String) async throws {
    try await withCluster(redis: ["--requirepass", "secret"]) { cluster in
      let node = try cluster.begin("web-1", login: login)
      try await wait(until: { await failure(of: node).contains(word) }, "\(await failure(of: node))")
      try await node.waitForLink(.down)
      #expect(await node.status().isReady == false)
      // The password itself is nobody's business.
      #expect(await failure(of: node).contains("wrong@") == false)
    }
  }

  @Test func theRightPasswordWorks() async throws {
    try await withCluster(redis: ["--requirepass", "s:e@c/r%t"]) { cluster in
      let node = try cluster.begin("web-1", login: ":s%3Ae%40c%2Fr%25t@")
      try await node.waitForLink(.up)
      try await node.attach("room")
      try await node.settle("room")
    }
  }

  @Test func aReplicaIsRefusedUntilItIsPromoted() async throws {
    try await withCluster(redis: ["--replicaof", "127.0.0.1", "1"]) { cluster in
      let node = try cluster.begin("web-1")
      try await wait(until: { await failure(of: node).contains("READONLY") }, "\(await failure(of: node))")
      try await node.waitForLink(.down)
      #expect(await failure(of: node).contains("replica"))
      try cluster.redis.call("REPLICAOF", "NO", "ONE")
      try await node.waitForLink(.up)
      try await node.enter(TestClient(1, user: "alice"), "room")
      #expect(await node.status().isReady)
    }
  }

  @Test func aPrimaryThatBecomesAReplicaIsLeft() async throws {
    try await withCluster { cluster in
      let node = try await cluster.start("web-1")
      let client = TestClient(1, user: "alice")
      try await node.enter(client, "room")
      try cluster.redis.call("REPLICAOF", "127.0.0.1", "1")
      // Noticed at the next renewal of the lease, at the latest.
      try await wait(until: { await failure(of: node).contains("replica") }, "\(await failure(of: node))")
      try await node.waitForLink(.down)
      try cluster.redis.call("REPLICAOF", "NO", "ONE")
      try await node.waitForLink(.up)
      try await node.expectRoster("room", "alice 1")
    }
  }

  @Test func aFullRedisRefusesJoinsAndNothingElse() async throws {
    try await withCluster { cluster in
      let node = try await cluster.start("web-1")
      let client = TestClient(1, user: "alice")
      try await node.attach("room")
      try await node.enter(TestClient(2, user: "bob"), "room")
      try cluster.redis.call("CONFIG", "SET", "maxmemory", "1")
      #expect(try await node.enter(client, "room") == .refused(.unavailable))
      node.leave(client, "room")
      node.leave(TestClient(2, user: "bob"), "room")
      try await node.settle("room")
      #expect(node.log.changes(in: "room") == ["+bob 1", "-bob 0"])
      try await node.expectRoster("room", "")
      try cluster.redis.call("CONFIG", "SET", "maxmemory", "0")
      #expect(try await node.enter(client, "room").summary == "alice 1")
    }
  }

  @Test func whatIsPublishedAndDoesNotComeBackIsNoticed() async throws {
    try await withCluster { cluster in
      let node = try await cluster.start("web-1")
      let client = TestClient(1)
      try await node.attach("room")
      try cluster.redis.call("ACL", "SETUSER", "default", "-publish")
      node.publish("1", to: "room", by: client)
      try await wait(until: { !node.log.publishAnswers(to: client.session).isEmpty }, "no answer")
      #expect(node.log.publishAnswers(to: client.session) == [.unavailable])
      // Both links answer, and yet are of no use: they are made anew.
      try await wait(until: { node.log.links == [.lost, .up, .down, .up] }, "\(node.log.links)")
      try cluster.redis.call("ACL", "SETUSER", "default", "+publish")
      try await node.settle("room")
      try await wait(until: { await node.status().isReady }, "\(await node.status().dependencies)")
    }
  }

  /// One channel that the Redis user may not read must not have the node come back to Redis without a pause.
  @Test func aChannelThatMayNotBeReadIsNotAskedForWithoutEnd() async throws {
    try await withCluster { cluster in
      let node = try await cluster.start("web-1")
      try cluster.redis.call("ACL", "SETUSER", "default", "resetchannels", "&apus:control*", "&apus:ch:allowed")
      node.report(.attach("secret"))
      try await wait(until: { await failure(of: node).contains("NOPERM") }, "\(await failure(of: node))")
      try await node.waitForLink(.down)
      node.report(.detach("secret"))
      try await node.waitForLink(.up)
      try await node.attach("allowed")
    }
  }

  /// What the node says is wrong with its Redis.
  private func failure(of node: BrokerHarness) async -> String {
    await node.status().dependencies.first { $0.name == "redis" }?.failure ?? ""
  }
}
