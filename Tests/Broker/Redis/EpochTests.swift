import Cluster
import Model
import Testing

@testable import Broker

/// The epoch of a channel to which nothing was published yet: it is told and not written, and never comes back.
struct EpochTests {
  private let alice = TestClient(1, user: "alice")
  private let scripts = StreamScripts(
    keys: RedisKeys(prefix: "apus:"), run: RedisRun(name: "run-1", replicationID: "r"))

  /// The scripts by themselves, each time with another seed.
  private func withScripts(
    _ test: (RedisProcess, (ChannelName) throws -> StreamPosition, (ChannelName) throws -> StreamPosition) async throws
      -> Void
  ) async throws {
    try await withCluster { cluster in
      let caller = try ScriptCaller(cluster.redis)
      var seeds = 0
      let read = { (channel: ChannelName) in
        seeds += 1
        let call = scripts.read(channel, .position, newSeed: "s\(seeds)")
        return try #require(try caller.run(call) { HistoryReply.read($0, of: "room", .testing)?.latest })
      }
      let publish = { (channel: ChannelName) in
        seeds += 1
        let call = try #require(scripts.publish(.text("1", to: channel), newSeed: "s\(seeds)"))
        return try #require(try caller.run(call) { HistoryReply.receipt($0)?.position })
      }
      try await test(cluster.redis, read, publish)
    }
  }

  // MARK: When it changes

  @Test func eachChannelHasItsOwnAndKeepsIt() async throws {
    try await withScripts { redis, read, publish in
      let told = try read("room")
      #expect(try read("room") == told)
      #expect(try read("hall").epoch != told.epoch)
      #expect(try publish("room") == StreamPosition(epoch: told.epoch, offset: 1))
      #expect(try redis.hash("apus:run")["seed"] == "s1", "the first counts")
    }
  }

  @Test func anEmptiedRedisHasAnother() async throws {
    try await withScripts { redis, read, publish in
      var told: Set<String> = []
      for round in 1...5 {
        told.insert(try read("room").epoch)
        try redis.call("FLUSHALL")
        told.insert(try publish("room").epoch)
        try redis.call("FLUSHALL")
        #expect(told.count == round * 2)
      }
    }
  }

  @Test func withoutTheRunItIsAnother() async throws {
    try await withScripts { redis, read, publish in
      let (empty, written) = (try read("room"), try publish("hall"))
      try redis.call("DEL", "apus:run")
      #expect(try publish("room").epoch != empty.epoch)
      #expect(try publish("hall") == StreamPosition(epoch: written.epoch, offset: 2), "it stands in the meta")
    }
  }

  @Test func anotherRunHasAnother() async throws {
    try await withScripts { redis, read, publish in
      let told = try read("room")
      try redis.call("HSET", "apus:run", "run", "run-1.x")
      let next = try read("room")
      #expect(next.epoch != told.epoch && next.offset == 0)
      #expect(try publish("room") == StreamPosition(epoch: next.epoch, offset: 1))
    }
  }

  /// A run that an earlier version has written has no seed.
  @Test func aRunWithoutASeedGetsOne() async throws {
    try await withScripts { redis, read, publish in
      try redis.call("HSET", "apus:run", "run", "old", "replid", "r")
      try redis.call("HSET", "apus:meta:hall", "epoch", "e", "offset", "7", "run", "old")
      let told = try read("room")
      #expect(try redis.hash("apus:run")["run"] == "old")
      #expect(try publish("room") == StreamPosition(epoch: told.epoch, offset: 1))
      #expect(try publish("hall") == StreamPosition(epoch: "e", offset: 8))
    }
  }

  /// A meta that is gone had outlived its period, so whatever comes after it has another epoch; with periods of a second.
  @Test func anotherPeriodHasAnother() async throws {
    try await withCluster { cluster in
      let caller = try ScriptCaller(cluster.redis)
      let shortened = { (script: Script) throws -> String in
        let source = String(decoding: script.source, as: UTF8.self)
        let parts = source.split(separator: "local period = 2592000\n", omittingEmptySubsequences: false)
        try #require(parts.count == 2, "the period stands elsewhere")
        return parts.joined(separator: "local period = 1\n")
      }
      let read = {
        let call = scripts.read("room", .position, newSeed: "s")
        return try #require(
          try caller.run(call, source: try shortened(.read)) { HistoryReply.read($0, of: "room", .testing)?.latest })
      }
      let publish = {
        let call = try #require(scripts.publish(.text("1"), newSeed: "s"))
        return try #require(
          try caller.run(call, source: try shortened(.publish)) { HistoryReply.receipt($0)?.position })
      }
      let told = try read()
      try await wait(until: { try read().epoch != told.epoch }, "the period never ended")
      let first = try publish()
      #expect(first.epoch != told.epoch && first.offset == 1)
      // From the first message on it is the meta's, whatever the clock says.
      try await Task.sleep(for: .milliseconds(1100))
      #expect(try read() == first)
      #expect(try publish() == StreamPosition(epoch: first.epoch, offset: 2))
      try cluster.redis.call("DEL", "apus:meta:room")
      let next = try read()
      #expect(next.epoch != first.epoch && next.offset == 0)
    }
  }

  // MARK: What listeners are told

  /// Subscribes as a loop does, and returns where the channel stands then.
  private func subscribe(_ node: BrokerHarness, _ channel: ChannelName = "room") async throws -> StreamPosition {
    try await node.attach(channel)
    let before = node.log.histories(of: alice.session).count
    node.ask(.history(channel, .position), by: .subscribe(alice.session, channel, attempt: 1))
    try await wait(until: { node.log.histories(of: alice.session).count > before }, "no answer to a subscribe")
    return try #require(node.log.histories(of: alice.session)[before].latest)
  }

  private func firstMessage(_ node: BrokerHarness) async throws -> Heard? {
    node.publish(draft: "1", to: "room", by: alice, id: "1")
    try await wait(until: { node.log.places(in: "room").last == 1 }, "it never came")
    return node.log.all().last {
      if case .kept("room", _, _) = $0 { true } else { false }
    }
  }

  @Test func subscribingLeavesNoKey() async throws {
    try await withCluster { cluster in
      let node = try await cluster.start("web-1")
      for number in 1...50 { _ = try await subscribe(node, try #require(ChannelName("room:\(number)"))) }
      #expect(
        try cluster.redis.list("KEYS", "*").sorted() == [
          "apus:layout", "apus:node:\(node.id)", "apus:nodes", "apus:run",
        ])
    }
  }

  @Test func theFirstMessageFollowsWhatWasTold() async throws {
    try await withCluster { cluster in
      let node = try await cluster.start("web-1")
      let told = try await subscribe(node)
      guard case .kept(_, _, let first)? = try await firstMessage(node) else { return }
      #expect(first == StreamPosition(epoch: told.epoch, offset: 1))
      #expect(node.log.places(in: "room") == [1])
    }
  }

  @Test(arguments: [["FLUSHALL"], ["DEL", "apus:run"]])
  func aFirstMessageOfAnotherEpochComesBehindAGap(_ command: [String]) async throws {
    try await withCluster { cluster in
      let node = try await cluster.start("web-1")
      let told = try await subscribe(node)
      let probe = try cluster.redis.connect()
      try probe.send(command.map { Array($0.utf8) })
      _ = try probe.receive()
      guard case .kept(_, _, let first)? = try await firstMessage(node) else { return }
      #expect(first.epoch != told.epoch)
      #expect(node.log.places(in: "room") == [0, 1])
      #expect(try await node.read("room", .recover(.position(told)), by: alice).isComplete == false)
    }
  }
}
