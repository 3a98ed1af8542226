import Cluster
import Model
import Testing

/// Nothing is missing without being told: links that are lost, a Redis that is emptied.
struct ContinuityTests {
  private let alice = TestClient(1, user: "alice")

  private func publish(_ count: Int, _ node: BrokerHarness, _ total: Int) async throws {
    for number in 0..<count { node.publish(draft: "\(number)", to: "room", by: alice, id: "1") }
    try await wait(until: { node.log.publishAnswers(to: alice.session).count == total }, "some were not answered")
  }

  @Test func lostSubscriptionsLoseNoMessage() async throws {
    try await withCluster { cluster in
      let listener = try await cluster.start("web-1")
      let publisher = try await cluster.start("web-2")
      try await listener.attach("room")
      for round in 0..<8 {
        if round % 3 == 1 { _ = try cluster.redis.call("CLIENT", "KILL", "TYPE", "pubsub") }
        try await publish(20, publisher, (round + 1) * 20)
      }
      try await wait(until: { listener.log.places(in: "room").count >= 160 }, "some never came")
      #expect(listener.log.places(in: "room") == Array(1...160))
      try await wait(until: { await listener.status().isReady }, "it is not ready again")
      #expect(await listener.status().gaps == 0)
    }
  }

  @Test func aQuietChannelCatchesUp() async throws {
    try await withCluster { cluster in
      let listener = try await cluster.start("web-1")
      let publisher = try await cluster.start("web-2")
      try await listener.attach("room")
      try await publish(1, publisher, 1)
      try await wait(until: { listener.log.places(in: "room") == [1] }, "it never came")
      // What is published in between comes although nothing follows it.
      _ = try cluster.redis.call("CLIENT", "KILL", "TYPE", "pubsub")
      try await publish(5, publisher, 6)
      try await wait(until: { listener.log.places(in: "room") == Array(1...6) }, "some never came")
    }
  }

  @Test func anEmptiedRedisIsAGap() async throws {
    try await withCluster { cluster in
      let node = try await cluster.start("web-1")
      try await node.attach("room")
      try await publish(3, node, 3)
      let before = try #require(try await node.read("room", .position, by: alice).latest)
      _ = try cluster.redis.call("FLUSHALL")
      try await publish(2, node, 5)
      try await wait(until: { node.log.places(in: "room").count == 6 }, "some never came")
      #expect(node.log.places(in: "room") == [1, 2, 3, 0, 1, 2], "a gap up to before the first of a new epoch")
      let recovered = try await node.read("room", .recover(.position(before)), by: alice)
      #expect(!recovered.isComplete)
      #expect(recovered.latest?.epoch != before.epoch)
    }
  }
}
