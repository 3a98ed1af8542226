import Cluster

import Model
import Testing

/// Redis closes connections and goes on.
struct ConnectionLossTests {
  @Test func everybodyIsAttachedAgain() async throws {
    try await withCluster { cluster in
      let node = try await cluster.start("web-1")
      let channels: [ChannelName] = ["a", "b", "c"]
      let client = TestClient(1)
      for channel in channels { for loop in 0..<2 { try await node.attach(channel, from: loop) } }
      for round in 1...3 {
        #expect(try cluster.redis.call("CLIENT", "KILL", "TYPE", "pubsub").integer == 1)
        for channel in channels {
          for loop in 0..<2 {
            try await wait(
              until: { node.log.count(of: .attached(channel), on: loop) > round },
              "\(channel) was not attached again on loop \(loop)")
          }
        }
        for channel in channels { node.publish("\(round)", to: channel, by: client) }
        // One that is on its way when the connection ends is lost, so it has to be here before the next round.
        for channel in channels {
          for loop in 0..<2 {
            try await wait(
              until: { node.log.messages(in: channel, on: loop).count == round }, "message \(round) never came")
          }
        }
      }
      for channel in channels {
        for loop in 0..<2 {
          #expect(node.log.count(of: .attached(channel), on: loop) == 4)
          #expect(node.log.messages(in: channel, on: loop) == (1...3).map { client.text("\($0)", in: channel) })
        }
      }
      // The control channels as well.
      try await node.waitForLink(.up)
      #expect(await node.status().isReady)
      #expect(node.log.identities().isEmpty)
    }
  }

  @Test func anAttachOnItsWayIsAnsweredOnce() async throws {
    try await withCluster { cluster in
      let node = try await cluster.start("web-1", timeout: 30_000)
      let killer = try cluster.redis.connect()
      _ = try killer.call("PING")
      // While Redis is paused the end of the connection is asked for first, and SUBSCRIBE written to it after that.
      try cluster.redis.whilePaused {
        try killer.send("CLIENT", "KILL", "TYPE", "pubsub")
        for loop in 0..<2 { node.report(.attach("room"), from: loop) }
        node.flush()
      }
      #expect(try killer.receive().integer == 1)
      for loop in 0..<2 {
        try await wait(until: { node.log.count(of: .attached("room"), on: loop) > 0 }, "never attached")
      }
      try await node.waitForLink(.up)
      try await node.settle("room")
      for loop in 0..<2 { #expect(node.log.count(of: .attached("room"), on: loop) == 1) }
      #expect(node.log.links == [.lost, .up, .lost, .up])
    }
  }

  @Test func requestsOnTheirWayAreAnsweredOnce() async throws {
    try await withCluster { cluster in
      let (node, other) = (try await cluster.start("web-1", timeout: 30_000), try await cluster.start("web-2"))
      for node in [node, other] { try await node.attach("room") }
      let (alice, bob) = (TestClient(1, user: "alice"), TestClient(2, user: "bob"))
      for client in [alice, bob] { try await node.enter(client, "room") }
      let killer = try cluster.redis.connect()
      _ = try killer.call("PING")

      let publishers = (100..<120).map { TestClient($0) }
      let askers = (200..<210).map { TestClient($0) }
      let newcomers = (300..<310).map { TestClient($0, user: "carol") }
      let watcher = TestClient(400)
      try cluster.redis.whilePaused {
        try killer.send("CLIENT", "KILL", "TYPE", "normal")
        for client in publishers { node.publish("1", to: "room", by: client, id: "1") }
        for client in askers { node.ask(.presence("room", onlyCount: false), by: .command(client.session, nil)) }
        for client in newcomers { node.sendEnter(client, "room") }
        node.sendEnter(watcher, "room", .watch)
        node.leave(bob, "room")
        node.flush()
      }

      try await wait(until: { node.log.links == [.lost, .up, .lost, .up] }, "\(node.log.links)")
      try await wait(
        until: { !node.log.enterAnswers(to: watcher.session, in: "room").isEmpty }, "the watcher was not answered")
      try await node.settle("room", heardBy: other)
      for client in publishers { #expect(node.log.publishAnswers(to: client.session) == [.timeout]) }
      for client in askers { #expect(node.log.queryAnswers(to: client.session) == [.refused(.unavailable)]) }
      for client in newcomers + [watcher] {
        let answers = node.log.enterAnswers(to: client.session, in: "room")
        #expect(answers.count == 1)
        #expect(answers.first?.roster != nil)
      }
      // What could not be carried out then has been carried out since, and told once.
      try await node.expectRoster("room", "alice 1, carol 10")
      for node in [node, other] {
        #expect(node.log.changes(in: "room").prefix(2) == ["+alice 1", "+bob 2"])
        let later = node.log.changes(in: "room").dropFirst(2)
        #expect(Set(later.map { $0.prefix { $0 != " " } }) == ["+carol", "-bob"])
        #expect(later.count == 2)
        // No publisher was told that its message went out, and none did.
        #expect(node.log.messages(in: "room").count == 1)
      }
      #expect(node.log.identities().isEmpty)
    }
  }

  @Test func membersStayWhoTheyAre() async throws {
    try await withCluster { cluster in
      let (first, second) = (try await cluster.start("web-1"), try await cluster.start("web-2"))
      for node in [first, second] { try await node.attach("room") }
      for number in 1...20 { try await first.enter(TestClient(UInt32(number), user: "alice"), "room") }
      try await second.enter(TestClient(100), "room")
      let before = try cluster.redis.hash("apus:presence:room")
      for kind in ["normal", "pubsub", "normal"] { try cluster.redis.call("CLIENT", "KILL", "TYPE", kind) }
      // Both kinds of connection of both nodes are new.
      for node in [first, second] {
        try await wait(until: { await node.status().shards[0].reconnects >= 2 }, "the node did not notice")
        try await node.waitForLink(.up)
      }
      try await first.settle("room", heardBy: second)
      try await second.settle("room", heardBy: first)
      #expect(try cluster.redis.hash("apus:presence:room") == before)
      try await first.expectRoster("room", "alice 20, c-100 1")
      for node in [first, second] {
        #expect(node.log.changes(in: "room") == ["+alice 1", "+c-100 2"])
        #expect(node.log.identities().isEmpty)
      }
    }
  }

  @Test func watchersGetTheRosterAfterAGap() async throws {
    try await withCluster { cluster in
      let node = try await cluster.start("web-1")
      try await node.attach("room")
      try await node.enter(TestClient(1, user: "alice"), "room")
      try cluster.redis.call("CLIENT", "KILL", "TYPE", "pubsub")
      // Joins and leaves may have been missed, so who is there is told anew.
      let roster = #"{"type":"members","channel":"room","members":[{"user":"alice","clients":1}],"count":1}"#
      try await wait(until: { node.log.presence(in: "room").last == roster }, "\(node.log.presence(in: "room"))")
    }
  }

  @Test func channelsNobodyListensToAreForgottenWithTheirSubscription() async throws {
    try await withCluster { cluster in
      let node = try await cluster.start("web-1")
      for channel: ChannelName in ["gone", "room"] {
        try await node.attach(channel)
        try await node.enter(TestClient(1), channel, .watch)
      }
      node.report(.detach("gone"))
      node.flush()
      let monitor = try cluster.redis.connect()
      _ = try monitor.call("MONITOR")
      try cluster.redis.call("CLIENT", "KILL", "TYPE", "pubsub")
      try await wait(until: { !node.log.presence(in: "room").isEmpty }, "the roster was never told")
      try await node.settle("room")
      // Everything the node has asked since, up to an end of our own.
      try cluster.redis.call("ECHO", "the end")
      var asked: [String] = []
      while asked.last?.contains("the end") != true { asked.append(try monitor.receive().text) }
      #expect(asked.contains { $0.contains("apus:presence:room") })
      #expect(!asked.contains { $0.contains("apus:presence:gone") })
    }
  }

  @Test func entriesNobodyStandsBehindAreTakenOut() async throws {
    try await withCluster { cluster in
      let node = try await cluster.start("web-1")
      try await node.attach("room")
      try await node.enter(TestClient(1, user: "alice"), "room")
      // As if a leave had been lost on the way.
      let stale = #"{"user":"bob","node":"\#(node.id)","since":1}"#
      try cluster.redis.call("HSET", "apus:presence:room", "c-9", stale)
      try cluster.redis.call("HSET", "apus:users:room", "bob", "1")
      try cluster.redis.call("CLIENT", "KILL", "TYPE", "normal")
      try await wait(until: { try await node.roster("room").summary == "alice 1" }, "bob is still there")
      #expect(try cluster.redis.hash("apus:users:room") == ["alice": "1"])
    }
  }

  @Test func aLeaveThatWasRefusedIsRepeated() async throws {
    try await withCluster { cluster in
      let node = try await cluster.start("web-1")
      let alice = TestClient(1, user: "alice")
      try await node.attach("room")
      try await node.enter(alice, "room")
      // A key of the wrong type stands in for whatever makes Redis refuse a script for a while.
      try cluster.redis.call("RENAME", "apus:presence:room", "aside")
      try cluster.redis.call("SET", "apus:presence:room", "in the way")
      node.leave(alice, "room")
      try await node.settle("room")
      #expect(node.log.changes(in: "room") == ["+alice 1"])
      try cluster.redis.call("RENAME", "aside", "apus:presence:room")
      try await wait(until: { node.log.changes(in: "room") == ["+alice 1", "-alice 0"] }, "the leave was not repeated")
      try await node.expectRoster("room", "")
    }
  }

  @Test func eachLossOfTheSubscriptionsIsTold() async throws {
    try await withCluster { cluster in
      let node = try await cluster.start("web-1")
      let told = { node.log.count(of: .subscriptionsLost) }
      let before = told()
      try cluster.redis.call("CLIENT", "KILL", "TYPE", "normal")
      try await wait(until: { node.log.links.suffix(2) == [.lost, .up] }, "\(node.log.links)")
      #expect(told() == before, "only commands were lost")
      // A replica takes no commands of a node, so the link is down, and its subscriptions are lost besides.
      try cluster.redis.call("REPLICAOF", "127.0.0.1", "1")
      try await node.waitForLink(.down)
      try cluster.redis.call("CLIENT", "KILL", "TYPE", "pubsub")
      try await wait(until: { told() == before + 1 }, "told \(told() - before) times")
    }
  }
}
