import Cluster
import Model
import Testing

/// Several Redis: each has its channels and users, and one that fails takes no other along.
struct ShardTests {
  private let alice = TestClient(1, user: "alice")
  private let map = KeyspaceMap(count: 3)

  /// The name of a channel of that shard.
  private func channel(of shard: Int, _ number: Int = 0) throws -> ChannelName {
    let names = (0...).lazy.map { "room:\($0)" }.filter { map.index(ofName: $0) == shard }
    return try #require(ChannelName(Array(names.prefix(number + 1)).last ?? ""))
  }

  private func user(of shard: Int) throws -> UserName {
    try #require(UserName((0...).lazy.map { "user\($0)" }.first { map.index(ofName: $0) == shard } ?? ""))
  }

  @Test func eachHasItsOwn() async throws {
    try await withCluster(shards: 3) { cluster in
      let node = try await cluster.start("web-1")
      for shard in 0..<3 {
        let (channel, user) = (try channel(of: shard), try user(of: shard))
        try await node.enter(TestClient(UInt32(shard + 1), user: user), channel)
        node.connect(TestClient(UInt32(shard + 1), user: user))
        for (index, redis) in cluster.shards.enumerated() {
          let isHere = index == shard
          #expect(try redis.call("EXISTS", "apus:presence:\(channel)").integer == (isHere ? 1 : 0))
          guard isHere else { continue }
          try await wait(until: { try redis.call("EXISTS", "apus:user:\(user)").integer == 1 }, "\(user) is missing")
          #expect(try redis.list("ZRANGE", "apus:nodes", "0", "-1") == [node.id.string])
          #expect(try redis.call("GET", "apus:layout").text.hasPrefix("\(shard) of 3 "))
        }
      }
      await node.stop()
      for redis in cluster.shards {
        #expect(try redis.list("KEYS", "*").filter { !$0.contains("meta") } == ["apus:run"])
      }
    }
  }

  private func survey(_ node: BrokerHarness) async throws -> SurveyAnswer? {
    if case .surveyed(let survey) = try await node.ask(.survey([0x78])) { survey } else { nil }
  }

  @Test func everyNodeIsAskedOnce() async throws {
    try await withCluster(shards: 3) { cluster in
      let (first, second) = (try await cluster.start("web-1"), try await cluster.start("web-2"))
      let ids = [first.id.string, second.id.string]
      var answer = try #require(try await survey(first))
      #expect(answer.replies.keys.sorted() == ids.sorted() && answer.silent == [] && answer.away == [])
      #expect(second.log.surveyed == ["x"] && first.log.surveyed == ["x"])
      // One that has lost its lease in one of them goes on there under another id.
      let redis = cluster.shards[1]
      try redis.call("DEL", "apus:node:\(second.id)")
      let others = { try redis.list("ZRANGE", "apus:nodes", "0", "-1").filter { !ids.contains($0) } }
      try await wait(until: { try others().count == 1 }, "it has not noticed")
      try await wait(until: { await second.status().keyspacesJoined == 3 }, "it is not joined again")
      try await wait(
        until: { try redis.list("ZRANGE", "apus:nodes", "0", "-1").count == 2 }, "the old id is still there")
      answer = try #require(try await survey(first))
      #expect(answer.replies.keys.sorted() == ids.sorted() && answer.silent == [] && answer.away == [])
      // The first is not the one that tells.
      cluster.shards[0].kill()
      try await wait(until: { first.log.links(with: 0).last == .down && second.log.links(with: 0).last == .down }, "up")
      answer = try #require(try await survey(second))
      #expect(answer.replies.count == 2 && answer.silent == [] && answer.away == ["redis-0"])
      for redis in cluster.shards.dropFirst() { redis.kill() }
      try await wait(until: { first.log.links(with: 1).last == .down && first.log.links(with: 2).last == .down }, "up")
      #expect(try await first.ask(.survey([0x78])) == .refused(.unavailable))
    }
  }

  @Test func oneThatIsDownTakesNoOtherAlong() async throws {
    try await withCluster(shards: 3) { cluster in
      let (first, second) = (try await cluster.start("web-1"), try await cluster.start("web-2"))
      let channels = try (0..<3).map { try channel(of: $0) }
      for node in [first, second] { for channel in channels { try await node.attach(channel) } }
      for channel in channels { try await first.enter(alice, channel) }
      for channel in channels { try await second.settle(channel, heardBy: first) }
      cluster.shards[1].kill()
      try await wait(until: { first.log.links(with: 1).last == .down && second.log.links(with: 1).last == .down }, "up")
      first.publish("1", to: channels[1], by: alice, id: "1")
      try await wait(until: { !first.log.publishAnswers(to: alice.session).isEmpty }, "not answered")
      #expect(first.log.publishAnswers(to: alice.session) == [.unavailable])
      for shard in [0, 2] {
        try await first.settle(channels[shard], heardBy: second)
        try await second.expectRoster(channels[shard], "alice 1")
        #expect(first.log.links(with: shard) == [.lost, .up])
        #expect(second.log.changes(in: channels[shard]) == ["+alice 1"])
      }
      // What is for all goes through another, and is told once.
      #expect(try await first.notify("2", .everybody) == .online)
      try await wait(until: { !second.log.events(for: .everybody).isEmpty }, "it was not told")
      let status = await first.status()
      #expect(status.isReady && status.isDegraded)
      #expect(status.dependencies.filter { $0.failure != nil }.map(\.name).contains("redis-1"))
      #expect(status.shards.map(\.isUp) == [true, false, true])
      try await cluster.shards[1].start()
      for node in [first, second] { try await node.waitForLink(.up) }
      try await second.expectRoster(channels[1], "alice 1")
      #expect(first.log.identities().isEmpty, "the node goes by its id in the first")
      #expect(second.log.events(for: .everybody).count == 1)
    }
  }

  @Test func aUserIsFoundWhereverTheyAre() async throws {
    try await withCluster(shards: 3) { cluster in
      let (first, second) = (try await cluster.start("web-1"), try await cluster.start("web-2"))
      for shard in 0..<3 {
        let user = try user(of: shard)
        let client = TestClient(UInt32(10 + shard), user: user)
        second.connect(client)
        let redis = cluster.shards[shard]
        try await wait(until: { try redis.call("EXISTS", "apus:user:\(user)").integer == 1 }, "\(user) is not there")
        try await first.expect(.online, sending: "1", to: user, by: alice)
        try await wait(until: { second.log.events(for: .user(user)).count == 1 }, "\(user) was not told")
        second.disconnect(client)
        try await wait(until: { try redis.call("EXISTS", "apus:user:\(user)").integer == 0 }, "\(user) is still there")
        try await first.expect(.offline, sending: "2", to: user, by: alice)
      }
    }
  }

  @Test func manyAreCountedTogether() async throws {
    try await withCluster(shards: 3) { cluster in
      let node = try await cluster.start("web-1")
      let channels = try (0..<9).map { try channel(of: $0 % 3, $0 / 3) }
      for (number, channel) in channels.enumerated() {
        for client in 0..<number { try await node.enter(TestClient(UInt32(100 + client)), channel) }
      }
      guard case .counts(let counts) = try await node.ask(.counts(channels)) else {
        Issue.record("they were not counted")
        return
      }
      #expect(counts == Array(0..<9))
      cluster.shards[2].kill()
      try await wait(until: { node.log.links(with: 2).last == .down }, "up")
      #expect(try await node.ask(.counts(channels)) == .counts([0, 1, nil, 3, 4, nil, 6, 7, nil]))
      #expect(try await node.ask(.counts([channels[2]])) == .refused(.unavailable))
    }
  }

  /// It would look for channels where the others do not have them.
  @Test func aNodeWithAnotherListStaysOut() async throws {
    try await withCluster(shards: 3) { cluster in
      let node = try await cluster.start("web-1")
      let other = try cluster.begin("web-2", shards: [cluster.shards[0], cluster.shards[2]])
      try await wait(until: { await failures(of: other).contains("of 2: all nodes need the same list") }, "it is in")
      #expect(await other.status().isReady == false)
      for redis in cluster.shards {
        #expect(try redis.list("ZRANGE", "apus:nodes", "0", "-1") == [node.id.string])
      }
      await node.stop()
      try await other.waitForLink(.up)
      #expect(await other.status().isReady)
    }
  }

  @Test func oneServerIsNoTwoShards() async throws {
    try await withCluster { cluster in
      let node = try cluster.begin("web-1", shards: [cluster.redis, cluster.redis])
      try await wait(until: { await failures(of: node).contains("the same server as redis-") }, "it is taken for two")
      // Also when it has been waited for long enough.
      try await Task.sleep(for: .seconds(11))
      #expect(await node.status().isReady == false)
    }
  }

  private func failures(of node: BrokerHarness) async -> String {
    await node.status().dependencies.compactMap(\.failure).joined(separator: " ")
  }
}
