import Cluster
import Model
import Testing

/// Keys of ours under which another program keeps something else: what needs them is refused, and the node goes on.
struct ForeignKeyTests {
  private let alice = TestClient(1, user: "alice")

  /// What a publish that is kept was answered.
  private func publish(_ node: BrokerHarness, to channel: ChannelName) async throws -> ErrorCode? {
    let before = node.log.publishAnswers(to: alice.session).count
    node.publish(draft: "1", to: channel, by: alice, id: "1")
    try await wait(until: { node.log.publishAnswers(to: alice.session).count > before }, "it was not answered")
    return node.log.publishAnswers(to: alice.session)[before]
  }

  private func isWell(_ node: BrokerHarness, at location: SourceLocation = #_sourceLocation) async throws {
    #expect(await node.status().isReady, sourceLocation: location)
    #expect(node.log.links == [.lost, .up], sourceLocation: location)
    #expect(try await publish(node, to: "hall") == nil, sourceLocation: location)
    try await node.enter(TestClient(77), "hall")
    try await node.expectRoster("hall", "c-77 1", at: location)
    node.leave(TestClient(77), "hall")
  }

  @Test func aHistoryWhosePlaceIsSomethingElse() async throws {
    try await withCluster { cluster in
      let node = try await cluster.start("web-1")
      for (key, command) in [("SET", "x"), ("LPUSH", "x")] {
        try cluster.redis.call(key, "apus:meta:room", command)
        #expect(try await publish(node, to: "room") == .internal)
        for query in [HistoryQuery.position, .newest(10), .recover(.time(0)), .after(.time(0), limit: 10)] {
          #expect(try await node.read("room", query, by: alice).refusal == .internal)
        }
        #expect(try await node.ask(.clear("room")) == .refused(.internal))
        try await isWell(node)
        try cluster.redis.call("DEL", "apus:meta:room")
      }
      #expect(try await publish(node, to: "room") == nil)
    }
  }

  @Test func aHistoryThatIsSomethingElse() async throws {
    try await withCluster { cluster in
      let node = try await cluster.start("web-1")
      #expect(try await publish(node, to: "room") == nil)
      try cluster.redis.call("DEL", "apus:history:room")
      try cluster.redis.call("SET", "apus:history:room", "x")
      #expect(try await publish(node, to: "room") == .internal)
      #expect(try await node.read("room", .newest(10), by: alice).refusal == .internal)
      #expect(try await node.ask(.kept("room")) == .refused(.internal))
      try await isWell(node)
      // What is under the key goes with the history.
      guard case .cleared = try await node.ask(.clear("room")) else {
        Issue.record("it was not cleared")
        return
      }
      #expect(try await publish(node, to: "room") == nil)
      #expect(try await node.read("room", .newest(10), by: alice).offsets == [1])
    }
  }

  @Test(arguments: ["presence", "users"])
  func presenceThatIsSomethingElse(_ key: String) async throws {
    try await withCluster { cluster in
      let node = try await cluster.start("web-1")
      try cluster.redis.call("SET", "apus:\(key):room", "x")
      #expect(try await node.roster("room") == .refused(.internal))
      #expect(try await node.ask(.connections("room", cursor: nil, limit: 10)) == .refused(.internal))
      #expect(try await node.enter(alice, "room", .watch) == .refused(.internal))
      guard case .refused = try await node.enter(alice, "room") else {
        Issue.record("it has entered")
        return
      }
      try await isWell(node)
      try cluster.redis.call("DEL", "apus:\(key):room")
      #expect(try await node.enter(alice, "room").summary == "alice 1")
    }
  }

  @Test func whereNobodyCanBeNobodyIsCounted() async throws {
    try await withCluster { cluster in
      let node = try await cluster.start("web-1")
      try await node.enter(alice, "hall")
      try cluster.redis.call("SET", "apus:users:room", "x")
      #expect(try await node.ask(.counts(["hall", "room", "hall"])) == .counts([1, 0, 1]))
      #expect(try await node.roster("room", onlyCount: true) == .refused(.internal))
    }
  }

  /// What nobody asks to keep needs no key.
  @Test func messagesThatAreNotKeptGoOn() async throws {
    try await withCluster { cluster in
      let node = try await cluster.start("web-1")
      for key in ["meta", "history", "presence", "users"] { try cluster.redis.call("SET", "apus:\(key):room", "x") }
      try await node.attach("room")
      try await node.settle("room")
    }
  }
}
