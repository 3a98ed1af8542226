import Cluster
import Model
import Testing

/// A node lives in Redis by its lease.
struct LeaseTests {
  @Test func anEmptiedRedisIsFilledAgain() async throws {
    try await withCluster { cluster in
      let node = try await cluster.start("web-1")
      let old = node.id
      try await node.attach("room")
      for client in [TestClient(1, user: "alice"), TestClient(2)] { try await node.enter(client, "room", info: "1") }
      try cluster.redis.call("FLUSHALL")
      for loop in 0..<2 {
        try await wait(until: { node.log.identities(on: loop).count == 1 }, "loop \(loop) was told no new identity")
      }
      #expect(node.id != old)
      #expect(node.id.name == "web-1")
      try await wait(until: { await node.status().isReady }, "\(await node.status().dependencies)")
      try await node.expectRoster("room", "alice 1, c-2 1")
      #expect(try cluster.redis.hash("apus:users:room")["alice"] == "1")
      for entry in try cluster.redis.hash("apus:presence:room").values {
        #expect(entry.contains(#""node":"\#(node.id)""#))
        #expect(entry.hasSuffix(#","info":1}"#))
      }
      #expect(try cluster.redis.list("SMEMBERS", "apus:channels:\(node.id)") == ["room"])
      try await wait(
        until: { try cluster.redis.list("ZRANGE", "apus:nodes", "0", "-1") == [node.id.string] }, "the old id is there")
      try await node.settle("room")
      #expect(node.log.identities().count == 1)
      // Nobody speaks to the old id any more.
      let listening = ["apus:ch:room", "apus:control", "apus:control:\(node.id)"]
      #expect(try cluster.redis.list("PUBSUB", "CHANNELS").sorted() == listening)
    }
  }

  @Test func aJoinThatFindsTheLeaseGoneIsAnsweredAllTheSame() async throws {
    try await withCluster { cluster in
      let node = try await cluster.start("web-1")
      try cluster.redis.call("FLUSHALL")
      let clients = (1...10).map { TestClient(UInt32($0), user: "alice") }
      for client in clients { node.sendEnter(client, "room") }
      for client in clients {
        try await wait(
          until: { !node.log.enterAnswers(to: client.session, in: "room").isEmpty }, "\(client.id) was not answered")
      }
      try await node.expectRoster("room", "alice 10")
      for client in clients {
        let answers = node.log.enterAnswers(to: client.session, in: "room")
        #expect(answers.count == 1)
        #expect(answers.first?.roster != nil)
      }
      #expect(node.log.identities().count == 1)
    }
  }

  @Test func aLostLeaseMakesNobodyLeave() async throws {
    try await withCluster { cluster in
      let (first, second) = (try await cluster.start("web-1"), try await cluster.start("web-2"))
      let old = [first.id, second.id]
      for node in [first, second] { try await node.attach("room") }
      try await first.enter(TestClient(1, user: "alice"), "room")
      try await first.enter(TestClient(2), "room")
      try await second.enter(TestClient(3, user: "bob"), "room")
      // Both leases run out while neither node can renew: as after an outage of Redis itself.
      let probe = try cluster.redis.connect()
      _ = try probe.call("MULTI")
      _ = try probe.call("DEL", "apus:node:\(old[0])", "apus:node:\(old[1])")
      _ = try probe.call("ZADD", "apus:nodes", "1", old[0].string, "1", old[1].string)
      _ = try probe.call("CLIENT", "KILL", "TYPE", "normal")
      _ = try probe.call("EXEC")
      for node in [first, second] {
        try await wait(until: { node.log.identities().count == 1 }, "no new identity")
      }
      let new = Set([first.id.string, second.id.string])
      try await wait(
        until: { try Set(cluster.redis.list("ZRANGE", "apus:nodes", "0", "-1")) == new }, "the old ids are there")
      for id in old {
        try await wait(
          until: { try cluster.redis.call("EXISTS", "apus:channels:\(id)").integer == 0 }, "channels of \(id)")
      }
      for node in [first, second] { try await node.waitForLink(.up) }
      try await first.settle("room", heardBy: second)
      try await second.settle("room", heardBy: first)
      for node in [first, second] { #expect(node.log.changes(in: "room") == ["+alice 1", "+c-2 2", "+bob 3"]) }
      try await second.expectRoster("room", "alice 1, bob 1, c-2 1")
      for entry in try cluster.redis.hash("apus:presence:room").values {
        #expect(new.contains { entry.contains(#""node":"\#($0)""#) })
      }
    }
  }

  @Test func aDeadNodeIsReapedOnce() async throws {
    try await withCluster { cluster in
      let dead = try await cluster.start("web-1")
      let survivors = [try await cluster.start("web-2"), try await cluster.start("web-3")]
      let id = dead.id
      for node in survivors { for channel: ChannelName in ["room", "hall"] { try await node.attach(channel) } }
      // On both nodes: stays.
      try await survivors[0].enter(TestClient(1, user: "alice"), "room")
      try await dead.enter(TestClient(2, user: "alice"), "room")
      for number: UInt32 in 3...4 { try await dead.enter(TestClient(number, user: "bob"), "room") }
      try await dead.enter(TestClient(5), "room")
      try await dead.enter(TestClient(6, user: "bob"), "hall")
      // More than one batch, in a channel of its own where nobody is told.
      for number: UInt32 in 1000..<1600 { dead.sendEnter(TestClient(number), "swarm") }
      try await wait(
        until: { try cluster.redis.call("HLEN", "apus:presence:swarm").integer == 600 }, "the swarm never came")
      dead.halt()

      try await wait(until: { try cluster.redis.call("ZSCORE", "apus:nodes", id.string).text.isEmpty }, "never reaped")
      for node in survivors {
        for channel: ChannelName in ["room", "hall"] { try await node.settle(channel) }
        #expect(node.log.changes(in: "room").prefix(3) == ["+alice 1", "+bob 2", "+c-5 3"])
        let left = node.log.changes(in: "room").dropFirst(3)
        #expect(Set(left.map { $0.prefix { $0 != " " } }) == ["-bob", "-c-5"])
        #expect(left.count == 2)
        #expect(node.log.changes(in: "hall") == ["+bob 1", "-bob 0"])
      }
      try await survivors[1].expectRoster("room", "alice 1")
      var reaped = 0
      for node in survivors { reaped += await node.status().reapedMembers }
      #expect(reaped == 605)
      let keys = ["node:\(id)", "channels:\(id)", "reap:\(id)", "presence:swarm", "users:swarm"].map { "apus:" + $0 }
      for key in keys {
        try await wait(until: { try cluster.redis.call("EXISTS", key).integer == 0 }, "\(key) is still there")
      }
    }
  }
}
