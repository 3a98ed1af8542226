import Cluster
import Model
import Redis
import Testing

/// A node on a Redis Cluster: each partition is one slot with all that belongs to it, also while the slot is being moved.
struct PartitionTests {
  private static let partition = 7

  private let alice = TestClient(1, user: "alice")
  private let bob = TestClient(2, user: "bob")

  private func channel(_ number: Int = 0) throws -> ChannelName {
    try PartitionNames.channel(of: Self.partition, number)
  }

  /// Publishes so many messages that are kept, and waits until all are answered.
  private func publish(_ count: Int, to channel: ChannelName, on node: BrokerHarness) async throws {
    let answers = { node.log.publishAnswers(to: alice.session) }
    let before = answers().count
    for number in 1...count { node.publish(draft: "\(number)", to: channel, by: alice, id: "\(number)") }
    try await wait(until: { answers().count == before + count }, "not answered")
    #expect(answers()[before...].allSatisfy { $0 == nil })
  }

  // MARK: Tags

  /// Redis 7.0 lets a script touch keys of other slots of its server without a word.
  @Test func allOfAPartitionCarriesItsTag() async throws {
    try await withRedisCluster { cluster in
      let (first, second) = (try await cluster.start("web-1"), try await cluster.start("web-2"))
      let partitions = 0..<PartitionTags.count
      let channels = try partitions.map { try PartitionNames.channel(of: $0) }
      for node in [first, second] { for channel in channels { try await node.attach(channel) } }
      for channel in channels { try await first.enter(alice, channel, info: "1") }
      for channel in channels { try await second.expectRoster(channel, "alice 1") }
      try expectTags(cluster)
      for channel in channels {
        first.publish(draft: "1", to: channel, by: alice, key: "k")
        #expect(try await first.read(channel, .newest(10), by: alice).offsets == [1])
        try await first.settle(channel, heardBy: second)
      }
      try expectTags(cluster)
      for partition in partitions {
        let user = try PartitionNames.user(of: partition)
        second.connect(TestClient(UInt32(100 + partition), user: user))
        try await wait(
          until: { try await first.sent("1", to: user, by: alice) == .online }, "\(user) is not there")
      }
      #expect(try await first.notify("2", .everybody) == .online)
      _ = try await first.ask(.survey([0x78]))
      _ = try await first.ask(.counts(channels))
      let seen = try expectTags(cluster)
      // Whatever there is was there, in each partition.
      let kinds = [
        "channels", "connections", "history", "key", "meta", "node", "nodes", "presence", "run", "user", "users", "ch",
        "control",
      ]
      for kind in kinds {
        #expect(Set(seen.filter { $0.kind == kind }.map(\.partition)) == Set(partitions), "\(kind)")
      }
      for channel in channels { _ = try await first.ask(.clear(channel)) }
      for channel in channels { first.leave(alice, channel) }
      for channel in channels { try await first.settle(channel, heardBy: second) }
      try expectTags(cluster)
      await first.stop()
      await second.stop()
      try expectTags(cluster)
    }
  }

  /// Every key, and every channel of pub/sub, carries the tag of its partition, and stands at the server of that.
  @discardableResult
  private func expectTags(
    _ cluster: Cluster, at sourceLocation: SourceLocation = #_sourceLocation
  ) throws -> [PartitionNames.Parts] {
    var seen: [PartitionNames.Parts] = []
    for primary in cluster.primaries {
      let redis = primary.redis
      for name in try redis.list("KEYS", "*") + redis.list("PUBSUB", "SHARDCHANNELS") {
        guard let parts = PartitionNames.Parts(name) else {
          Issue.record("\(name) has no tag", sourceLocation: sourceLocation)
          continue
        }
        #expect(parts.isAtHome, "\(name)", sourceLocation: sourceLocation)
        let owner = try cluster.move(of: parts.partition).source
        #expect(owner.port == primary.port, "\(name)", sourceLocation: sourceLocation)
        seen.append(parts)
      }
      // Those of the classic kind go to every server of a Cluster.
      #expect(try redis.list("PUBSUB", "CHANNELS") == [], sourceLocation: sourceLocation)
      #expect(try redis.call("PUBSUB", "NUMPAT").integer == 0, sourceLocation: sourceLocation)
    }
    return seen
  }

  // MARK: Moves

  /// Stopped after so many of its keys, by their names; some or all.
  @Test(arguments: [0, 3, 6, .max])
  func aPartitionRefusesWhileItsSlotIsOnItsWay(_ carried: Int) async throws {
    try await withRedisCluster { cluster in
      let node = try await cluster.start("web-1")
      let (room, hall, move) = (try channel(), try channel(1), try cluster.move(of: Self.partition))
      let user = try PartitionNames.user(of: Self.partition)
      let listener = TestClient(9, user: user)
      try await node.attach(room)
      for client in [alice, bob] { try await node.enter(client, room) }
      node.connect(listener)
      try await node.expect(.online, sending: "1", to: user, by: alice)
      try await publish(5, to: room, on: node)
      let before = try await node.read(room, .newest(100), by: alice)
      #expect(before.offsets == Array(1...5))

      try move.begin()
      try move.carry(Array(move.keys(at: move.source).prefix(carried)))
      // Of this channel there is no key: its new server would be asked for it.
      #expect(try await node.enter(bob, hall) == .refused(.unavailable))
      node.leave(bob, hall)
      try await wait(until: { node.log.links(with: Self.partition).last == .down }, "it has not noticed")
      try await expectRefusals(node, room, user)
      node.leave(bob, room)
      // What is of another slot goes on.
      let elsewhere = try PartitionNames.channel(of: Self.partition + 1)
      try await node.attach(elsewhere)
      try await node.settle(elsewhere)

      try move.finish()
      try await node.waitForLink(.up)
      #expect(try await node.read(room, .newest(100), by: alice) == before, "with the same epoch")
      try await wait(until: { try await node.roster(room).summary == "alice 1" }, "\(await node.status())")
      try await node.expectRoster(hall, "")
      node.connect(listener)
      try await node.expect(.online, sending: "2", to: user, by: alice)
      try await publish(1, to: room, on: node)
      try await wait(until: { node.log.places(in: room).count >= 6 }, "the last message never came")
      #expect(node.log.places(in: room) == Array(1...6), "each once, and no gap")
      #expect(node.log.changes(in: room).count { $0.hasPrefix("-") } <= 1)
      #expect(try move.keys(at: move.source) == [])
      #expect((await node.status().moves ?? 0) > 0)
    }
  }

  private func expectRefusals(_ node: BrokerHarness, _ room: ChannelName, _ user: UserName) async throws {
    let carol = TestClient(3, user: "carol")
    #expect(try await node.enter(carol, room) == .refused(.unavailable))
    node.leave(carol, room)
    #expect(try await node.roster(room) == .refused(.unavailable))
    #expect(try await node.read(room, .newest(10), by: carol).refusal == .unavailable)
    try await node.expect(.refused(.unavailable), sending: "3", to: user, by: carol)
    let dave = TestClient(4, user: "dave")
    node.publish(draft: "1", to: room, by: dave, id: "1")
    node.publish("2", to: room, by: dave, id: "2")
    try await wait(until: { node.log.publishAnswers(to: dave.session).count == 2 }, "not answered")
    #expect(node.log.publishAnswers(to: dave.session) == [.unavailable, .unavailable])
    #expect(try await node.ask(.clear(room)) == .refused(.unavailable))
    #expect(try await node.ask(.counts([room])) == .refused(.unavailable))
  }

  /// A key that is gone with the last member is not there to be looked at.
  @Test(arguments: [[], ["presence"], ["users"], ["presence", "users"]])
  func theLastMemberLeavesWhileTheSlotIsOnItsWay(_ carried: [String]) async throws {
    try await withRedisCluster { cluster in
      let node = try await cluster.start("web-1")
      let (room, move) = (try channel(), try cluster.move(of: Self.partition))
      try await node.attach(room)
      try await node.enter(alice, room)
      try await wait(until: { node.log.changes(in: room) == ["+alice 1"] }, "nobody has come")
      let prefix = PartitionTags.prefix("apus:", ofPartition: Self.partition)
      try move.begin()
      try move.carry(carried.map { "\(prefix)\($0):\(room)" })
      node.leave(alice, room)
      node.flush()
      try move.finish()
      let left = {
        try move.keys(at: move.target).compactMap(PartitionNames.Parts.init).map(\.kind)
          .filter { ["presence", "users"].contains($0) }
      }
      try await wait(until: { try left() == [] }, "left: \(try left())")
      // Until the node has found the slot it is refused.
      try await wait(until: { try await node.roster(room).summary == "" }, "\(try await node.roster(room).summary)")
      #expect(node.log.changes(in: room).count { $0 == "-alice 0" } <= 1)
      #expect(try move.keys(at: move.source) == [])
      // And whoever comes then is the first again.
      #expect(try await node.enter(bob, room).summary == "bob 1")
    }
  }
}
