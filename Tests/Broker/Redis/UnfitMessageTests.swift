import Cluster
import Model
import Testing

/// Messages that have their place in a history and may not go to clients, since another program has written them: they are
/// lost, and that is told.
struct UnfitMessageTests {
  private let alice = TestClient(1, user: "alice")

  private func publish(_ node: BrokerHarness) async throws {
    let before = node.log.publishAnswers(to: alice.session).count
    node.publish(draft: "1", to: "room", by: alice, id: "1")
    try await wait(until: { node.log.publishAnswers(to: alice.session).count > before }, "it was not answered")
  }

  /// Writes garbage into the history, as its message of that offset, and publishes it as a node does.
  private func forge(_ offset: Int, _ redis: RedisProcess, isHeard: Bool = true) throws {
    let epoch = try redis.call("HGET", "apus:meta:room", "epoch").text
    try redis.call("XADD", "apus:history:room", "\(offset)-0", "m", "garbage", "t", "1730000000123")
    try redis.call("HSET", "apus:meta:room", "offset", "\(offset)")
    if isHeard { try redis.call("PUBLISH", "apus:ch:room", "m \(epoch) \(offset) -\ngarbage") }
  }

  @Test func itIsToldAsAGapOnce() async throws {
    try await withCluster { cluster in
      let node = try await cluster.start("web-1")
      try await node.attach("room")
      try await publish(node)
      try forge(2, cluster.redis)
      try await publish(node)
      try await wait(until: { node.log.places(in: "room").count == 3 }, "some never came")
      #expect(node.log.places(in: "room") == [1, -2, 3])
      _ = try cluster.redis.call("CLIENT", "KILL", "TYPE", "pubsub")
      try await wait(until: { await node.status().isReady }, "it is not ready again")
      try await publish(node)
      try await wait(until: { node.log.places(in: "room").last == 4 }, "it never came")
      #expect(node.log.places(in: "room") == [1, -2, 3, 4])
      let status = await node.status()
      #expect(status.gaps == 1 && status.malformedPayloads == 1)
    }
  }

  @Test func whatIsReadAgainTellsItToo() async throws {
    try await withCluster { cluster in
      let node = try await cluster.start("web-1")
      try await node.attach("room")
      try await publish(node)
      try await wait(until: { node.log.places(in: "room") == [1] }, "it never came")
      // Nobody hears of it, so that the next message has the node read what is missing.
      try forge(2, cluster.redis, isHeard: false)
      try await publish(node)
      try await wait(until: { node.log.places(in: "room").last == 3 }, "it never came")
      #expect(node.log.places(in: "room") == [1, -2, 3])
    }
  }

  /// Whoever may publish in Redis can name any offset. Nobody is kept from the real messages by that, and what was heard
  /// in the place of one is told.
  @Test(arguments: [2, 50]) func oneThatIsNotInTheHistoryHoldsNothingUp(offset: Int) async throws {
    try await withCluster { cluster in
      let node = try await cluster.start("web-1")
      try await node.attach("room")
      try await publish(node)
      try await wait(until: { node.log.places(in: "room") == [1] }, "it never came")
      let epoch = try cluster.redis.call("HGET", "apus:meta:room", "epoch").text
      let forged = #"{"type":"message","channel":"room","data":"forged","epoch":"\#(epoch)","offset":\#(offset)}"#
      try cluster.redis.call("PUBLISH", "apus:ch:room", "m \(epoch) \(offset) -\n\(forged)")
      try await publish(node)
      try await publish(node)
      try await wait(until: { node.log.places(in: "room").last == 3 }, "the node withholds real messages")
      let places = node.log.places(in: "room")
      #expect(places.filter { $0 > 0 } == [1, 2, 3])
      #expect(places.contains { $0 < 0 }, "the loss is not told")
    }
  }

  @Test func noReadBringsIt() async throws {
    try await withCluster { cluster in
      let node = try await cluster.start("web-1")
      try await node.attach("room")
      try await publish(node)
      let first = try #require(try await node.read("room", .position, by: alice).latest)
      try forge(2, cluster.redis)
      try await publish(node)
      let recovery = try await node.read("room", .recover(.position(first)), by: alice)
      #expect(recovery.offsets == [] && !recovery.isComplete)
      #expect(recovery.latest?.offset == 3)
      #expect(try await node.read("room", .newest(10), by: alice).offsets == [1, 3])
      #expect(try await node.read("room", .after(.position(first), limit: 10), by: alice).offsets == [3])
      let later = StreamPosition(epoch: first.epoch, offset: 2)
      let whole = try await node.read("room", .recover(.position(later)), by: alice)
      #expect(whole.offsets == [3] && whole.isComplete, "what follows it is whole")
    }
  }

  /// Longer recoveries are read page by page.
  @Test func noPageOfARecoveryBringsIt() async throws {
    try await withCluster { cluster in
      let node = try await cluster.start("web-1")
      try await node.attach("room")
      for _ in 0..<40 { try await publish(node) }
      let start = try #require(try await node.read("room", .position, by: alice).latest)
      let first = StreamPosition(epoch: start.epoch, offset: 1)
      #expect(try await node.read("room", .recover(.position(first)), by: alice).offsets == Array(2...40))
      try forge(41, cluster.redis)
      try await publish(node)
      let recovery = try await node.read("room", .recover(.position(first)), by: alice)
      #expect(recovery.offsets == [] && !recovery.isComplete)
    }
  }
}
