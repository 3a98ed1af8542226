import Broker
import Cluster
import Glibc
import Model
import Testing

/// What stands in Redis, as other programs and people read it.
struct KeyTests {
  @Test func presenceIsReadable() async throws {
    try await withCluster { cluster in
      let node = try await cluster.start("web-1")
      try await node.enter(TestClient(1, user: "alice"), "room:1", info: #"{"a" : 1}"#)
      try await node.enter(TestClient(2, user: "alice"), "room:1")
      try await node.enter(TestClient(3), "room:1")
      let presence = try cluster.redis.hash("apus:presence:room:1")
      #expect(presence.keys.sorted() == ["c-1", "c-2", "c-3"])
      func expected(_ client: String, _ user: String, _ info: String) throws -> String {
        let text = try #require(presence[client])
        let entry = try #require(Array(text.utf8).withUnsafeBytes { PresenceEntry(parsing: $0) })
        // Milliseconds, not seconds or microseconds.
        #expect((1_500_000_000_000..<5_000_000_000_000).contains(entry.since))
        return #"{"user":\#(user),"node":"\#(node.id)","since":\#(entry.since)\#(info)}"#
      }
      #expect(presence["c-1"] == (try expected("c-1", #""alice""#, #","info":{"a" : 1}"#)))
      #expect(presence["c-2"] == (try expected("c-2", #""alice""#, "")))
      #expect(presence["c-3"] == (try expected("c-3", "null", "")))
      #expect(try cluster.redis.call("HGET", "apus:users:room:1", "alice").text == "2")
    }
  }

  @Test func nothingIsLeftOfAChannelNobodyIsIn() async throws {
    try await withCluster { cluster in
      let node = try await cluster.start("web-1")
      let clients = [TestClient(1, user: "alice"), TestClient(2, user: "alice"), TestClient(3), TestClient(4)]
      for client in clients { try await node.enter(client, "room") }
      for client in clients { node.leave(client, "room") }
      try await wait(
        until: {
          try cluster.redis.list("KEYS", "*").sorted() == [
            "apus:layout", "apus:node:\(node.id)", "apus:nodes", "apus:run",
          ]
        },
        "left: \(try cluster.redis.list("KEYS", "*"))")
    }
  }

  @Test func theLeaseIsKeptAndSaysWhoTheNodeIs() async throws {
    try await withCluster { cluster in
      let redis = cluster.redis
      let node = try await cluster.start("web-1")
      #expect(node.id.string.hasPrefix("web-1."))
      let lease = try redis.hash("apus:node:\(node.id)")
      let expected = [
        "name": "web-1", "host": "here", "version": "1.2.3", "started": "1730000000123", "connections": "7",
        "channels": "0", "draining": "0",
      ]
      #expect(lease == expected)
      #expect((1...10_000).contains(try redis.call("PTTL", "apus:node:\(node.id)").integer))
      #expect(try redis.list("ZRANGE", "apus:nodes", "0", "-1") == [node.id.string])

      // Renewed by itself, it says how many channels the node has now, and ends 10 s from then by Redis' clock.
      let end = try leaseEnd(of: node, redis)
      try await node.attach("room")
      try await wait(until: { try leaseEnd(of: node, redis) > end }, "the lease was never renewed")
      let clock = try redis.list("TIME").compactMap { Int($0) }
      let now = clock[0] * 1000 + clock[1] / 1000
      #expect(try leaseEnd(of: node, redis) <= now + 10_000)
      #expect(try redis.hash("apus:node:\(node.id)")["channels"] == "1")
      #expect(await node.status().leaseAge != nil)
    }
  }

  private func leaseEnd(of node: BrokerHarness, _ redis: RedisProcess) throws -> Int {
    try #require(Int(try redis.call("ZSCORE", "apus:nodes", node.id.string).text))
  }

  @Test func theNodesChannelsAreAtLeastThoseWithMembers() async throws {
    try await withCluster { cluster in
      let node = try await cluster.start("web-1")
      let key = "apus:channels:\(node.id)"
      let (alice, bob) = (TestClient(1, user: "alice"), TestClient(2, user: "bob"))
      #expect(try cluster.redis.list("SMEMBERS", key) == [])
      // Whoever only listens or watches leaves nothing behind.
      try await node.attach("other")
      try await node.enter(bob, "other", .watch)
      for channel: ChannelName in ["a", "b"] { try await node.enter(alice, channel) }
      try await node.enter(bob, "b")
      #expect(try cluster.redis.list("SMEMBERS", key).sorted() == ["a", "b"])
      node.leave(alice, "a")
      node.leave(alice, "b")
      try await wait(until: { try cluster.redis.list("SMEMBERS", key) == ["b"] }, "a is still there")
      node.leave(bob, "b")
      try await wait(until: { try cluster.redis.call("EXISTS", key).integer == 0 }, "b is still there")
    }
  }

  @Test func theNodeListensWhereItMust() async throws {
    try await withCluster { cluster in
      let node = try await cluster.start("web-1")
      let control = ["apus:control", "apus:control:\(node.id)"]
      let channels = { try cluster.redis.list("PUBSUB", "CHANNELS").sorted() }
      #expect(try channels() == control)
      for loop in 0..<2 { try await node.attach("room:1", from: loop) }
      #expect(try channels() == ["apus:ch:room:1"] + control)
      for loop in 0..<2 { node.report(.detach("room:1"), from: loop) }
      // Given up a while after the last listener has gone, and asked for again when one comes.
      try await wait(until: { try channels() == control }, "the subscription was never given up")
      try await node.attach("room:1")
      try await node.settle("room:1")
    }
  }

  @Test func whoComesWhileTheChannelIsGivenUpIsListening() async throws {
    try await withCluster { cluster in
      let node = try await cluster.start("web-1", timeout: 30_000)
      try await node.attach("room")
      node.report(.detach("room"))
      cluster.redis.whilePaused {
        // Longer than a subscription outlives its last listener: UNSUBSCRIBE is now on its way and cannot be answered.
        usleep(2_500_000)
        node.report(.attach("room"))
        node.flush()
      }
      try await wait(until: { node.log.count(of: .attached("room")) == 2 }, "never attached again")
      try await node.settle("room")
      #expect(node.log.count(of: .attached("room")) == 2)
      #expect(try cluster.redis.list("PUBSUB", "NUMSUB", "apus:ch:room") == ["apus:ch:room", "1"])
    }
  }

  @Test func payloadsHaveAHeaderLine() async throws {
    try await withCluster { cluster in
      let node = try await cluster.start("web-1")
      let client = TestClient(1, user: "alice")
      let listener = try cluster.redis.connect()
      _ = try listener.call("SUBSCRIBE", "apus:ch:room")
      node.publish("1", to: "room", by: client)
      #expect(try listener.receive().elements.last?.text == "m - - -\n\(client.text("1", in: "room"))")
      node.publish("2", to: "room", by: client, echo: false)
      #expect(try listener.receive().elements.last?.text == "m - - c-1\n\(client.text("2", in: "room"))")
      try await node.enter(client, "room")
      let join = #"{"type":"join","channel":"room","user":"alice","count":1}"#
      #expect(try listener.receive().elements.last?.text == "p - - c-1\n\(join)")
    }
  }

  @Test func aNodeThatStopsLeavesNothingBehind() async throws {
    try await withCluster { cluster in
      let (first, second) = (try await cluster.start("web-1"), try await cluster.start("web-2"))
      for channel: ChannelName in ["room", "hall"] { try await second.attach(channel) }
      try await second.enter(TestClient(1, user: "alice"), "room")
      // More than one batch, in one user's name so that there is one leave.
      let swarm = (100..<700).map { TestClient($0, user: "swarm") }
      for client in swarm { first.sendEnter(client, "room") }
      for client in [TestClient(2, user: "alice"), TestClient(3)] { try await first.enter(client, "room") }
      try await first.enter(TestClient(4, user: "bob"), "hall")
      await first.stop()
      try await second.settle("room")
      #expect(second.log.changes(in: "room") == ["+alice 1", "+swarm 2", "+c-3 3"] + departures(second, in: "room"))
      #expect(Set(departures(second, in: "room").map { $0.prefix { $0 != " " } }) == ["-swarm", "-c-3"])
      #expect(departures(second, in: "room").count == 2)
      #expect(second.log.changes(in: "hall") == ["+bob 1", "-bob 0"])
      try await second.expectRoster("room", "alice 1")
      let left = try cluster.redis.list("KEYS", "*").sorted()
      let own = ["apus:channels:\(second.id)", "apus:layout", "apus:node:\(second.id)", "apus:nodes"]
      #expect(left == own + ["apus:presence:room", "apus:run", "apus:users:room"])
      #expect(try cluster.redis.list("ZRANGE", "apus:nodes", "0", "-1") == [second.id.string])
      await second.stop()
      #expect(try cluster.redis.list("KEYS", "*") == ["apus:run"])
    }
  }

  private func departures(_ node: BrokerHarness, in channel: ChannelName) -> [String] {
    node.log.changes(in: channel).filter { $0.hasPrefix("-") }
  }
}
