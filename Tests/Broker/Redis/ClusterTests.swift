import Cluster
import Model
import Testing

/// Two nodes on one Redis.
struct ClusterTests {
  @Test func messagesCrossInOneOrder() async throws {
    try await withCluster { cluster in
      let nodes = [try await cluster.start("web-1"), try await cluster.start("web-2")]
      let clients = [TestClient(1, user: "alice"), TestClient(2, user: "bob")]
      for node in nodes { for loop in 0..<2 { try await node.attach("room", from: loop) } }
      for number in 0..<300 {
        for (node, client) in zip(nodes, clients) { node.publish("\(number)", to: "room", by: client) }
      }
      for node in nodes {
        for loop in 0..<2 {
          try await wait(until: { node.log.messages(in: "room", on: loop).count >= 600 }, "some never came")
        }
      }
      let order = nodes[0].log.messages(in: "room")
      for node in nodes { for loop in 0..<2 { #expect(node.log.messages(in: "room", on: loop) == order) } }
      // One order for all, and within it that of each publisher; none lost, none twice.
      for client in clients {
        let own = (0..<300).map { client.text("\($0)", in: "room") }
        #expect(order.filter { Set(own).contains($0) } == own)
      }
      #expect(order.count == 600)
    }
  }

  @Test func whoIsLeftOutIsKnownOnTheOtherNode() async throws {
    try await withCluster { cluster in
      let (first, second) = (try await cluster.start("web-1"), try await cluster.start("web-2"))
      let client = TestClient(1, user: "alice")
      try await second.attach("room")
      first.publish("1", to: "room", by: client, echo: false)
      try await wait(until: { !second.log.messages(in: "room").isEmpty }, "the message never came")
      let expected = Heard.message("room", client.text("1", in: "room"), excluding: client.id)
      #expect(second.log.count(of: expected) == 1)
      // The publisher's own node has nobody in the channel.
      #expect(first.log.messages(in: "room").isEmpty)
    }
  }

  @Test func aUserOnBothNodesJoinsAndLeavesOnce() async throws {
    try await withCluster { cluster in
      let (first, second) = (try await cluster.start("web-1"), try await cluster.start("web-2"))
      let (here, there) = (TestClient(1, user: "alice"), TestClient(2, user: "alice"))
      for node in [first, second] { try await node.attach("room") }
      try await first.enter(here, "room")
      #expect(try await second.enter(there, "room").summary == "alice 2")
      try await second.enter(TestClient(3), "room")
      for node in [first, second] { try await node.expectRoster("room", "alice 2, c-3 1") }
      first.leave(here, "room")
      try await first.settle("room", heardBy: second)
      for node in [first, second] { #expect(node.log.changes(in: "room") == ["+alice 1", "+c-3 2"]) }
      second.leave(there, "room")
      try await second.settle("room", heardBy: first)
      for node in [first, second] { #expect(node.log.changes(in: "room") == ["+alice 1", "+c-3 2", "-alice 1"]) }
      #expect(try await first.roster("room", onlyCount: true) == .roster(Roster(members: nil, count: 1)))
    }
  }

  @Test func comingBackOnAnotherNodeIsNoLeave() async throws {
    try await withCluster { cluster in
      let (first, second) = (try await cluster.start("web-1", leaveGrace: 100), try await cluster.start("web-2"))
      for node in [first, second] { try await node.attach("room") }
      try await first.enter(TestClient(1, user: "alice"), "room")
      // The other node has it before this one loses it, so no grace can be too short.
      try await second.enter(TestClient(2, user: "alice"), "room")
      first.leave(TestClient(1, user: "alice"), "room", lost: true)
      try await wait(until: { try await second.roster("room").summary == "alice 1" }, "the lost one never left")
      try await first.settle("room", heardBy: second)
      for node in [first, second] { #expect(node.log.changes(in: "room") == ["+alice 1"]) }
    }
  }

  @Test func aCrowdIsOneOnEveryNode() async throws {
    try await withCluster { cluster in
      let (first, second) = (try await cluster.start("web-1"), try await cluster.start("web-2"))
      try await first.attach("room")
      for number in 1...210 {
        (number % 2 == 0 ? first : second).sendEnter(TestClient(UInt32(number)), "room")
      }
      let last = #"{"type":"members","channel":"room","count":210}"#
      try await wait(until: { first.log.presence(in: "room").last == last }, "the count was never told")
      #expect(first.log.presence(in: "room").compactMap(PresenceChange.init).map(\.count) == Array(1...200))
      // Who is told nothing before the crowd is there is told of no single one either.
      try await second.attach("room")
      first.sendEnter(TestClient(1000), "room")
      try await wait(until: { !second.log.presence(in: "room").isEmpty }, "the count was never told")
      #expect(second.log.presence(in: "room") == [#"{"type":"members","channel":"room","count":211}"#])
    }
  }

  @Test func anotherPrefixIsAnotherCluster() async throws {
    try await withCluster { cluster in
      let first = try await cluster.start("web-1", prefix: "one:")
      let second = try await cluster.start("web-1", prefix: "two:")
      for node in [first, second] { try await node.attach("room") }
      try await first.enter(TestClient(1, user: "alice"), "room")
      try await first.settle("room")
      try await second.settle("room")
      try await second.expectRoster("room", "")
      #expect(second.log.changes(in: "room").isEmpty)
      #expect(second.log.messages(in: "room").count == 1)
      #expect(try cluster.redis.list("KEYS", "*").allSatisfy { $0.hasPrefix("one:") || $0.hasPrefix("two:") })
    }
  }
}
