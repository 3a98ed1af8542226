import Cluster
import Model
import Testing

@testable import Broker

/// Redis forgets the scripts.
struct ScriptTests {
  @Test func forgottenScriptsAreLoadedAgainAndTheOrderIsKept() async throws {
    try await withCluster { cluster in
      let node = try await cluster.start("web-1")
      let alice = TestClient(1, user: "alice")
      try await node.attach("room")
      let pairs = 300
      for pair in 0..<pairs {
        if pair % 30 == 0 { try cluster.redis.call("SCRIPT", "FLUSH") }
        // In turns of their own: some are refused, others come while the scripts are loaded.
        node.sendEnter(alice, "room")
        node.flush()
        node.leave(alice, "room")
        node.flush()
      }
      // One out of order, and a join or leave is none, so it is missing here.
      try await wait(
        until: { node.log.changes(in: "room").count == pairs * 2 }, "only \(node.log.changes(in: "room").count)")
      #expect(node.log.changes(in: "room") == (0..<pairs).flatMap { _ in ["+alice 1", "-alice 0"] })
      let answers = node.log.enterAnswers(to: alice.session, in: "room")
      #expect(answers.count == pairs)
      // Who is there is read behind the join, and alice may have left by then.
      #expect(answers.allSatisfy { ["alice 1", ""].contains($0.summary) })
      try await node.expectRoster("room", "")
      #expect(node.log.links == [.lost, .up])
      let key = "apus:channels:\(node.id)"
      try await wait(until: { try cluster.redis.call("EXISTS", key).integer == 0 }, "the channel is still there")
    }
  }

  @Test func whatWasRefusedGoesBeforeWhatCameLater() async throws {
    try await withCluster { cluster in
      let node = try await cluster.start("web-1", timeout: 30_000)
      let users: [UserName] = ["a", "b", "c", "d"]
      try await node.attach("room")
      try cluster.redis.call("SCRIPT", "FLUSH")
      // All of these are on their way before the first is refused; one turn each.
      cluster.redis.whilePaused {
        for (index, user) in users.enumerated() {
          node.sendEnter(TestClient(UInt32(index), user: user), "room")
          node.flush()
        }
      }
      // And this one comes while the scripts are loaded, or after.
      node.leave(TestClient(0, user: "a"), "room")
      try await wait(until: { node.log.changes(in: "room").count == 5 }, "\(node.log.changes(in: "room"))")
      #expect(node.log.changes(in: "room").filter { $0.hasPrefix("+") } == ["+a 1", "+b 2", "+c 3", "+d 4"])
      #expect(node.log.changes(in: "room").contains("-a 3"))
      try await node.expectRoster("room", "b 1, c 1, d 1")
    }
  }

  @Test func theLeaseIsRenewedByAScriptThatWasForgotten() async throws {
    try await withCluster { cluster in
      let node = try await cluster.start("web-1")
      let end = try cluster.redis.call("ZSCORE", "apus:nodes", node.id.string)
      try cluster.redis.call("SCRIPT", "FLUSH")
      try await wait(
        until: { try cluster.redis.call("ZSCORE", "apus:nodes", node.id.string) != end }, "the lease was never renewed")
      #expect(node.log.identities().isEmpty)
      #expect(await node.status().isReady)
    }
  }

  /// Whoever reaps has read the entry a moment ago: a member that its node has entered anew since then stays.
  @Test func aMemberEnteredAnewIsNotReaped() async throws {
    try await withCluster { cluster in
      let source = String(decoding: Script.leave.source, as: UTF8.self)
      let leave = { (entry: String) in
        try cluster.redis.call(
          "EVAL", source, "2", "apus:presence:room", "apus:users:room", "apus:ch:room", "c-1", "alice", "{", entry
        ).integer
      }
      try cluster.redis.call("HSET", "apus:presence:room", "c-1", "new")
      try cluster.redis.call("HSET", "apus:users:room", "alice", "1")
      #expect(try leave("old") == 0)
      #expect(try cluster.redis.call("HGET", "apus:users:room", "alice").text == "1")
      #expect(try leave("new") == 1)
      #expect(try cluster.redis.call("EXISTS", "apus:presence:room", "apus:users:room").integer == 0)
    }
  }
}
