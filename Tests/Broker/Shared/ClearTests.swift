import Cluster
import Model
import Testing

/// A channel's history is thrown away, and goes on under another epoch.
struct ClearTests {
  private let alice = TestClient(1, user: "alice")

  private func publish(_ count: Int, _ node: BrokerHarness) async throws {
    let before = node.log.publishAnswers(to: alice.session).count
    for number in 0..<count { node.publish(draft: "\(number)", to: "room", by: alice, id: "1") }
    try await wait(
      until: { node.log.publishAnswers(to: alice.session).count == before + count }, "some were not answered")
  }

  private func clear(_ node: BrokerHarness, _ channel: ChannelName = "room") async throws -> StreamPosition {
    let answer = try await node.ask(.clear(channel))
    guard case .cleared(let position) = answer else { throw Unexpected(answer: answer) }
    return position
  }

  private struct Unexpected: Error {
    let answer: HeardAnswer
  }

  private func latest(_ node: BrokerHarness, _ channel: ChannelName = "room") async throws -> StreamPosition {
    try #require(try await node.read(channel, .position, by: alice).latest)
  }

  @Test(arguments: BrokerKind.allCases)
  func whoListensIsToldAndGoesOn(_ kind: BrokerKind) async throws {
    try await withNode(kind) { node in
      for loop in 0..<2 { try await node.attach("room", from: loop) }
      try await publish(3, node)
      let before = try await latest(node)
      let position = try await clear(node)
      #expect(position.offset == 0 && position.epoch != before.epoch)
      try await publish(2, node)
      for loop in 0..<2 {
        try await wait(
          until: { node.log.places(in: "room", on: loop).count == 6 }, "\(node.log.places(in: "room", on: loop))")
        #expect(node.log.places(in: "room", on: loop) == [1, 2, 3, 0, 1, 2])
        #expect(node.log.count(of: .gap("room", position), on: loop) == 1)
      }
      #expect(try await latest(node) == StreamPosition(epoch: position.epoch, offset: 2))
    }
  }

  @Test(arguments: BrokerKind.allCases)
  func nothingOfItIsReadAgain(_ kind: BrokerKind) async throws {
    try await withNode(kind) { node in
      try await publish(5, node)
      let before = try await latest(node)
      let position = try await clear(node)
      for offset in [0, 3, 5] {
        let since = Since.position(StreamPosition(epoch: before.epoch, offset: offset))
        let recovery = try await node.read("room", .recover(since), by: alice)
        #expect(recovery.offsets == [] && !recovery.isComplete && recovery.latest == position)
        #expect(try await node.read("room", .after(since, limit: 10), by: alice).offsets == [])
      }
      #expect(try await node.read("room", .newest(10), by: alice).offsets == [])
      try await publish(1, node)
      #expect(try await node.read("room", .newest(10), by: alice).offsets == [1])
      #expect(try await node.read("room", .recover(.position(position)), by: alice).isComplete)
    }
  }

  @Test(arguments: BrokerKind.allCases)
  func eachTimeAnotherEpochBegins(_ kind: BrokerKind) async throws {
    try await withNode(kind) { node in
      var epochs = [try await latest(node).epoch]
      for _ in 0..<5 {
        let position = try await clear(node)
        #expect(try await latest(node) == position)
        epochs.append(position.epoch)
      }
      #expect(Set(epochs).count == 6, "also where nothing had been published")
      #expect(try await clear(node, "other").epoch != epochs.last)
    }
  }

  @Test(arguments: BrokerKind.allCases)
  func otherChannelsKeepTheirs(_ kind: BrokerKind) async throws {
    try await withNode(kind) { node in
      try await node.attach("other")
      try await publish(3, node)
      let before = try await latest(node)
      _ = try await clear(node, "other")
      #expect(try await latest(node) == before)
      #expect(try await node.read("room", .newest(10), by: alice).offsets == [1, 2, 3])
    }
  }

  // MARK: Redis

  @Test func listenersOfAllNodesAreTold() async throws {
    try await withCluster { cluster in
      let nodes = [
        try await cluster.start("web-1"), try await cluster.start("web-2"), try await cluster.start("web-3"),
      ]
      for node in nodes { try await node.attach("room") }
      try await publish(2, nodes[0])
      for node in nodes { try await wait(until: { node.log.places(in: "room") == [1, 2] }, "some never came") }
      let position = try await clear(nodes[1])
      try await publish(1, nodes[2])
      for node in nodes {
        try await wait(until: { node.log.places(in: "room").count == 4 }, "\(node.log.places(in: "room"))")
        #expect(node.log.places(in: "room") == [1, 2, 0, 1])
        #expect(node.log.count(of: .gap("room", position)) == 1)
        let status = await node.status()
        #expect(status.malformedPayloads == 0 && status.gaps == 1)
      }
    }
  }

  @Test func whoWasAwayIsToldWhenItIsBack() async throws {
    try await withCluster { cluster in
      let node = try await cluster.start("web-1")
      try await node.attach("room")
      try await publish(2, node)
      try await wait(until: { node.log.places(in: "room") == [1, 2] }, "some never came")
      let other = try await cluster.start("web-2")
      let clients = try cluster.redis.call("CLIENT", "LIST").text.split(separator: "\n")
      let subscriber = try #require(clients.first { $0.contains(" name=apus-web-1-sub ") })
      let id = subscriber.prefix { $0 != " " }.dropFirst("id=".count)
      #expect(try cluster.redis.call("CLIENT", "KILL", "ID", String(id)).integer == 1)
      let position = try await clear(other)
      try await wait(until: { node.log.count(of: .gap("room", position)) == 1 }, "\(node.log.places(in: "room"))")
      try await wait(until: { await node.status().isReady }, "\(await node.status().dependencies)")
      try await publish(1, node)
      try await wait(until: { node.log.places(in: "room").last == 1 }, "\(node.log.places(in: "room"))")
      #expect(node.log.places(in: "room").filter { $0 > 0 } == [1, 2, 1])
    }
  }

  @Test func nothingButWhereItStandsIsLeft() async throws {
    try await withCluster { cluster in
      let node = try await cluster.start("web-1")
      try await publish(3, node)
      let position = try await clear(node)
      #expect(try cluster.redis.call("EXISTS", "apus:history:room").integer == 0)
      let meta = try cluster.redis.hash("apus:meta:room")
      #expect(meta["epoch"] == position.epoch && meta["offset"] == "0" && meta["run"]?.isEmpty == false)
      #expect(meta.count == 3)
      #expect(try cluster.redis.call("PTTL", "apus:meta:room").integer > 2_592_000_000)
      // Of a channel that had none, too.
      #expect(try await clear(node, "never").epoch == cluster.redis.hash("apus:meta:never")["epoch"])
    }
  }

  /// Whoever may publish in Redis can say that a history was thrown away: it is told as a gap, and no message is missed.
  @Test func aForgedClearingKeepsNobodyFromMessages() async throws {
    try await withCluster { cluster in
      let node = try await cluster.start("web-1")
      try await node.attach("room")
      try await publish(2, node)
      try await wait(until: { node.log.places(in: "room") == [1, 2] }, "some never came")
      try cluster.redis.call("PUBLISH", "apus:ch:room", "c forged 0 -\n{}")
      try await publish(2, node)
      try await wait(until: { node.log.places(in: "room").last == 4 }, "\(node.log.places(in: "room"))")
      #expect(node.log.places(in: "room").filter { $0 > 0 } == [1, 2, 3, 4])
      #expect(node.log.places(in: "room").contains { $0 <= 0 })
    }
  }

  @Test func aClearingThatIsNoneIsDroppedAndCounted() async throws {
    try await withCluster { cluster in
      let node = try await cluster.start("web-1")
      try await node.attach("room")
      let garbage = [
        "c - - -\n{}", "c x - -\n{}", "c - 0 -\n{}", "c x 1 -\n{}", "c x 00 -\n{}", "c x 0\n{}", "c x 0 -\n",
        "c x -1 -\n{}",
      ]
      for text in garbage { try cluster.redis.call("PUBLISH", "apus:ch:room", text) }
      try await node.settle("room")
      #expect(node.log.places(in: "room") == [])
      #expect(await node.status().malformedPayloads == garbage.count)
    }
  }
}
