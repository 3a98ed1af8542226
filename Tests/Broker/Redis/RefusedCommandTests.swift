import Cluster
import Model
import Testing

/// Redis refuses a command for a while: nothing is taken for done that was not.
struct RefusedCommandTests {
  private let alice = TestClient(1, user: "alice")

  /// A dead node that was forgotten before its keys are gone would leave them for ever.
  @Test func aDeadNodeIsNodeUntilItsKeysAreGone() async throws {
    try await withCluster { cluster in
      try cluster.redis.call("ACL", "SETUSER", "default", "-del")
      let node = try await cluster.start("web-1")
      try cluster.redis.call("ZADD", "apus:nodes", "1", "ghost.abc123")
      try cluster.redis.call("SADD", "apus:channels:ghost.abc123", "room")
      // Once the node may decide that others are dead it tries.
      try await wait(until: { try rejected("del", cluster.redis) > 0 }, "it was never tried")
      #expect(try cluster.redis.call("ZSCORE", "apus:nodes", "ghost.abc123").text == "1")
      try cluster.redis.call("ACL", "SETUSER", "default", "+del")
      try await wait(
        until: { try cluster.redis.list("ZRANGE", "apus:nodes", "0", "-1") == [node.id.string] }, "it is still there")
      #expect(try cluster.redis.list("KEYS", "apus:*ghost*") == [])
    }
  }

  /// How often Redis has rejected a command.
  private func rejected(_ command: String, _ redis: RedisProcess) throws -> Int {
    let line = try redis.call("INFO", "commandstats").text.split(whereSeparator: \.isNewline)
      .first { $0.hasPrefix("cmdstat_\(command):") }
    let field = line?.split(separator: ",").first { $0.hasPrefix("rejected_calls=") }
    return field.flatMap { Int($0.dropFirst("rejected_calls=".count)) } ?? 0
  }

  @Test func aMemberWhoIsRefusedIsEnteredLater() async throws {
    try await withCluster { cluster in
      let node = try await cluster.start("web-1")
      try await node.enter(alice, "room")
      try await node.enter(alice, "hall")
      try cluster.redis.call("DEL", "apus:presence:hall")
      try cluster.redis.call("SET", "apus:presence:hall", "of somebody else")
      try cluster.redis.call("CLIENT", "KILL", "TYPE", "normal")
      try await wait(until: { node.log.links == [.lost, .up, .lost, .up] }, "\(node.log.links)")
      try await node.expectRoster("room", "alice 1")
      try cluster.redis.call("DEL", "apus:presence:hall")
      try await wait(
        until: { try cluster.redis.hash("apus:presence:hall").keys.contains(alice.id.string) }, "alice is missing")
      #expect(node.log.links == [.lost, .up, .lost, .up], "one channel is no reason to come anew")
    }
  }

  @Test func whoLeavesMeanwhileIsNotEntered() async throws {
    try await withCluster { cluster in
      let node = try await cluster.start("web-1")
      try await node.enter(alice, "hall")
      try cluster.redis.call("DEL", "apus:presence:hall")
      try cluster.redis.call("SET", "apus:presence:hall", "of somebody else")
      try cluster.redis.call("CLIENT", "KILL", "TYPE", "normal")
      try await wait(until: { node.log.links == [.lost, .up, .lost, .up] }, "\(node.log.links)")
      node.leave(alice, "hall")
      try await node.attach("room")
      try await node.settle("room")
      try cluster.redis.call("DEL", "apus:presence:hall")
      // Two are entered behind each other, and alice would come first.
      try await node.enter(TestClient(2, user: "bob"), "hall")
      try await node.expectRoster("hall", "bob 1")
    }
  }

  @Test func anInfoThatIsRefusedIsToldLater() async throws {
    try await withCluster { cluster in
      let node = try await cluster.start("web-1")
      try await node.attach("room")
      try await node.enter(alice, "room", info: "1")
      try cluster.redis.call("RENAME", "apus:presence:room", "kept")
      try cluster.redis.call("SET", "apus:presence:room", "of somebody else")
      node.report(.update(alice.memberConnection(info: "2"), "room"), from: alice.loop)
      // What is published after it has come when it was refused.
      try await node.settle("room")
      try cluster.redis.call("RENAME", "kept", "apus:presence:room")
      try await wait(
        until: { try cluster.redis.hash("apus:presence:room").values.contains { $0.hasSuffix(#""info":2}"#) } },
        "\(try cluster.redis.hash("apus:presence:room"))")
    }
  }

  /// What the node left there before would stay for ever.
  @Test func aNodeThatCannotLookForWhatItLeftBehindIsNotJoined() async throws {
    try await withCluster { cluster in
      let node = try await cluster.start("web-1")
      try await node.enter(alice, "room")
      try cluster.redis.call("ACL", "SETUSER", "default", "-hscan")
      try cluster.redis.call("CLIENT", "KILL", "TYPE", "normal")
      try await wait(until: { await failure(of: node).contains("left behind") }, "\(await failure(of: node))")
      try await node.waitForLink(.down)
      try cluster.redis.call("ACL", "SETUSER", "default", "+hscan")
      try await node.waitForLink(.up)
      try await node.expectRoster("room", "alice 1")
    }
  }

  /// It is not known whether something is missing.
  @Test func aRecoveryThatIsRefusedIsNoGap() async throws {
    try await withCluster { cluster in
      let node = try await cluster.start("web-1")
      try await node.attach("room")
      for number in 1...40 {
        node.publish(draft: "1", to: "room", by: alice, id: "\(number)")
        try await wait(until: { node.log.publishAnswers(to: alice.session).count == number }, "not answered")
      }
      let start = try #require(try await node.read("room", .position, by: alice).latest)
      let first = StreamPosition(epoch: start.epoch, offset: 1)
      try cluster.redis.call("ACL", "SETUSER", "default", "-hget")
      #expect(try await node.read("room", .recover(.position(first)), by: alice).refusal == .unavailable)
      try cluster.redis.call("ACL", "SETUSER", "default", "+hget")
      #expect(try await node.read("room", .recover(.position(first)), by: alice).offsets == Array(2...40))
    }
  }

  /// What the node says is wrong with its Redis.
  private func failure(of node: BrokerHarness) async -> String {
    await node.status().dependencies.first { $0.name == "redis" }?.failure ?? ""
  }
}
