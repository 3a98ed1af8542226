import Cluster
import Model
import Testing

/// Who is online is told as it is, also while Redis does not know: every node is told then, and Redis is asked again.
struct UserLookupTests {
  private let alice = TestClient(1, user: "alice")
  private let bob = TestClient(2, user: "bob")

  /// Two nodes, with bob on the second, that has reported him again in time.
  private func withNodes(_ test: (Cluster, BrokerHarness, BrokerHarness) async throws -> Void) async throws {
    try await withCluster { cluster in
      let (first, second) = (try await cluster.start("web-1"), try await cluster.start("web-2"))
      second.connect(bob)
      try await wait(until: { try cluster.redis.call("EXISTS", "apus:user:bob").integer == 1 }, "never written")
      try await test(cluster, first, second)
    }
  }

  @Test func afterFlushall() async throws {
    try await withNodes { cluster, first, second in
      try cluster.redis.call("FLUSHALL")
      // The second one would be refused once the node has found its lease gone.
      first.sendAtOnce([("1", "bob"), ("2", "carol")], by: alice)
      try await first.reportOpen([], time: 2)
      try await second.reportOpen([bob], time: 2)
      try await wait(until: { first.log.sendAnswers(to: alice.session).count == 2 }, "not answered")
      #expect(first.log.sendAnswers(to: alice.session) == [.online, .offline])
      try await wait(until: { second.log.events(for: .user("bob")).count == 1 }, "bob was not told")
      // And by then as ever, each once.
      try await first.expect(.online, sending: "3", to: "bob", by: alice)
      try await wait(until: { second.log.events(for: .user("bob")).count == 2 }, "bob was not told")
      #expect(first.log.events(for: .user("bob")).count == 1, "the first one went to every node")
    }
  }

  /// Nobody is called offline while a node has not written down all of its connections, however long that takes.
  @Test func aNodeThatTakesItsTime() async throws {
    try await withNodes { cluster, first, second in
      try cluster.redis.call("FLUSHALL")
      try await first.reportOpen([], time: 2)
      try await wait(until: { second.log.count(of: .register(0, .everybody)) == 2 }, "it has not noticed")
      // More than one doubt lasts.
      try await Task.sleep(for: .seconds(6))
      first.send("1", to: "bob", by: alice, id: "1")
      try await wait(until: { !second.log.events(for: .user("bob")).isEmpty }, "bob was not told")
      try await second.reportOpen([bob], time: 2)
      try await wait(until: { !first.log.sendAnswers(to: alice.session).isEmpty }, "not answered")
      #expect(first.log.sendAnswers(to: alice.session) == [.online])
    }
  }

  @Test func withoutTheRun() async throws {
    try await withNodes { cluster, first, _ in
      try cluster.redis.call("DEL", "apus:run")
      first.sendAtOnce([("1", "bob"), ("2", "carol")], by: alice)
      try await wait(until: { first.log.sendAnswers(to: alice.session).count == 2 }, "not answered")
      #expect(first.log.sendAnswers(to: alice.session) == [.online, .offline])
    }
  }

  /// Somebody has written into Redis before the send: the run is there again, and the registry is not.
  @Test func afterFlushallAndAMessage() async throws {
    try await withNodes { cluster, first, second in
      try cluster.redis.call("FLUSHALL")
      first.publish(draft: "1", to: "room", by: alice, id: "1")
      try await wait(until: { first.log.publishAnswers(to: alice.session).count == 1 }, "not answered")
      first.send("1", to: "bob", by: alice, id: "1")
      try await second.reportOpen([bob], time: 2)
      try await wait(until: { first.log.sendAnswers(to: alice.session).count == 1 }, "not answered")
      #expect(first.log.sendAnswers(to: alice.session) == [.online])
      try await wait(until: { second.log.events(for: .user("bob")).count == 1 }, "bob was not told")
    }
  }

  @Test func aRedisThatBeganAnew() async throws {
    try await withNodes { cluster, first, second in
      cluster.redis.kill()
      try await cluster.redis.start()
      for node in [first, second] {
        try await wait(until: { node.log.identities().count == 1 }, "no new identity")
        try await node.waitForLink(.up)
      }
      first.send("1", to: "bob", by: alice, id: "1")
      try await wait(until: { !second.log.events(for: .user("bob")).isEmpty }, "bob was not told")
      try await second.reportOpen([bob], time: 2)
      try await wait(until: { !first.log.sendAnswers(to: alice.session).isEmpty }, "not answered")
      #expect(first.log.sendAnswers(to: alice.session) == [.online])
    }
  }

  @Test func whoWaitsIsAnsweredWhenTheLinkIsLost() async throws {
    try await withNodes { cluster, first, _ in
      try cluster.redis.call("FLUSHALL")
      first.send("1", to: "carol", by: alice, id: "1")
      first.flush()
      cluster.redis.kill()
      try await wait(until: { !first.log.sendAnswers(to: alice.session).isEmpty }, "not answered")
      #expect(first.log.sendAnswers(to: alice.session) == [.refused(.timeout)])
    }
  }
}
