import Cluster
import Model
import Testing

/// Who is in channels, as the control plane asks for it: counts of many, and connections page by page.
struct MemberPageTests {
  private let alice: UserName = "alice"

  private func page(
    _ node: BrokerHarness, _ channel: ChannelName, _ cursor: String? = nil, limit: Int
  ) async throws -> PresencePage {
    let answer = try await node.ask(.connections(channel, cursor: cursor, limit: limit))
    guard case .connections(let page) = answer else { throw Unexpected(answer: answer) }
    return page
  }

  private struct Unexpected: Error {
    let answer: HeardAnswer
  }

  /// All pages, one behind the other.
  private func pages(_ node: BrokerHarness, _ channel: ChannelName, limit: Int) async throws -> [PresencePage] {
    var pages = [try await page(node, channel, limit: limit)]
    while let cursor = pages.last?.cursor, pages.count < 5000 {
      pages.append(try await page(node, channel, cursor, limit: limit))
    }
    return pages
  }

  private func enter(_ clients: [TestClient], _ channel: ChannelName, _ node: BrokerHarness) async throws {
    for client in clients.dropLast() { node.sendEnter(client, channel, info: "\"\(client.id)\"") }
    if let last = clients.last { try await node.enter(last, channel, info: "\"\(last.id)\"") }
  }

  // MARK: Counts

  @Test(arguments: BrokerKind.allCases)
  func manyChannelsAreCountedAtOnce(_ kind: BrokerKind) async throws {
    try await withNode(kind) { node in
      try await enter(
        [TestClient(1, user: alice), TestClient(2, user: alice), TestClient(3), TestClient(4)], "room", node)
      try await enter([TestClient(5, user: alice)], "hall", node)
      #expect(try await node.ask(.counts(["room", "nobody", "hall", "room"])) == .counts([3, 0, 1, 3]))
      #expect(try await node.ask(.counts([])) == .counts([]))
      let many = (0..<1000).map { number in ChannelName("none-\(number)") ?? "none" }
      #expect(try await node.ask(.counts(many + ["hall"])) == .counts(Array(repeating: 0, count: 1000) + [1]))
      node.leave(TestClient(3), "room")
      try await node.expectRoster("room", "alice 2, c-4 1")
      #expect(try await node.ask(.counts(["room"])) == .counts([2]))
    }
  }

  @Test(arguments: BrokerKind.allCases)
  func whatIsKeptIsCounted(_ kind: BrokerKind) async throws {
    try await withNode(kind) { node in
      #expect(try await node.ask(.kept("room")) == .counts([0]))
      for _ in 0..<7 {
        node.publish(
          draft: "1", to: "room", by: TestClient(1), id: "1", keeping: HistoryRule(size: 5, timeToLive: 60_000))
      }
      #expect(try await node.ask(.kept("room")) == .counts([5]))
      _ = try await node.ask(.clear("room"))
      #expect(try await node.ask(.kept("room")) == .counts([0]))
    }
  }

  // MARK: Pages

  @Test(arguments: BrokerKind.allCases)
  func aPageTellsEachConnection(_ kind: BrokerKind) async throws {
    try await withNode(kind) { node in
      try await enter([TestClient(1, user: alice), TestClient(2, user: alice)], "room", node)
      try await node.enter(TestClient(3), "room")
      let page = try await page(node, "room", limit: 100)
      #expect(page.count == 2 && page.cursor == nil)
      let entries = page.entries.sorted { $0.connection.client.string < $1.connection.client.string }
      #expect(
        entries.map(\.connection) == [
          TestClient(1, user: alice).memberConnection(info: "\"c-1\""),
          TestClient(2, user: alice).memberConnection(info: "\"c-2\""),
          TestClient(3).memberConnection(),
        ])
      let home = kind == .memory ? "" : node.id.string
      #expect(entries.allSatisfy { $0.node == home && $0.since > 1_600_000_000_000 })
      #expect(try await self.page(node, "nobody", limit: 10) == PresencePage(entries: [], count: 0))
    }
  }

  /// A small hash, which Redis gives whole, and one that it does not.
  @Test(arguments: BrokerKind.allCases, [12, 200])
  func pagesTellEverybodyOnce(_ kind: BrokerKind, _ count: Int) async throws {
    try await withNode(kind) { node in
      let clients = (1...count).map { TestClient(UInt32($0), user: $0 % 3 == 0 ? alice : nil) }
      try await enter(clients, "room", node)
      let users = clients.count { $0.user == nil } + 1
      for limit in [count / 4, count / 4 + 1, count, 2000] {
        let pages = try await pages(node, "room", limit: limit)
        #expect(pages.allSatisfy { $0.entries.count <= limit && $0.count == users })
        let found = pages.flatMap(\.entries).map(\.connection)
        #expect(found.count == count)
        #expect(
          found.sorted { $0.client.string < $1.client.string }
            == clients.map { $0.memberConnection(info: "\"\($0.id)\"") }
            .sorted { $0.client.string < $1.client.string })
      }
      if count < 100 {
        let ones = try await pages(node, "room", limit: 1)
        #expect(ones.count == count && ones.allSatisfy { $0.entries.count == 1 })
      }
    }
  }

  @Test(arguments: BrokerKind.allCases)
  func whoStaysIsToldThoughOthersGo(_ kind: BrokerKind) async throws {
    try await withNode(kind) { node in
      let clients = (1...40).map { TestClient(UInt32($0)) }
      try await enter(clients, "room", node)
      let first = try await page(node, "room", limit: 10)
      let told = Set(first.entries.map(\.connection.client))
      let gone = try #require(clients.first { !told.contains($0.id) })
      node.leave(gone, "room")
      try await wait(until: { try await node.roster("room", onlyCount: true).roster?.count == 39 }, "nobody has gone")
      var pages = [first]
      while let cursor = pages.last?.cursor, pages.count < 100 {
        pages.append(try await page(node, "room", cursor, limit: 10))
      }
      let all = Set(pages.flatMap(\.entries).map(\.connection.client))
      #expect(all.isSubset(of: Set(clients.map(\.id))) && !all.contains(gone.id))
      #expect(pages.last?.count == 39)
    }
  }

  // MARK: Redis

  @Test(arguments: BrokerKind.allCases)
  func aCursorThatNobodyHasToldIsRefused(_ kind: BrokerKind) async throws {
    try await withNode(kind) { node in
      try await node.enter(TestClient(1), "room")
      let cursors = [
        "", "x", "-1", "1.", ".1", "1.x", "1.-1", "1.2.3", "18446744073709551616", " 0", "0\n", "0 COUNT 1",
        "1.9223372036854775808",
        kind == .memory ? "0" : "c-1",
      ]
      for cursor in cursors {
        #expect(
          try await node.ask(.connections("room", cursor: cursor, limit: 10)) == .refused(.badRequest), "\(cursor)")
      }
    }
  }

  @Test func aCursorFarBehindTheEndHasNothing() async throws {
    try await withCluster { cluster in
      let node = try await cluster.start("web-1")
      try await node.enter(TestClient(1), "room")
      for cursor in ["0.1", "0.9223372036854775807", "18446744073709551615.9223372036854775807"] {
        let page = try await page(node, "room", cursor, limit: 10)
        #expect(page.entries == [] && page.count == 1 && page.cursor == nil)
      }
    }
  }

  @Test func connectionsOfAllNodesAreTold() async throws {
    try await withCluster { cluster in
      let nodes = [try await cluster.start("web-1"), try await cluster.start("web-2")]
      for (number, node) in nodes.enumerated() { try await node.enter(TestClient(UInt32(number)), "room") }
      for node in nodes {
        let page = try await page(node, "room", limit: 10)
        #expect(Set(page.entries.map(\.node)) == Set(nodes.map(\.id.string)) && page.count == 2)
      }
    }
  }

  @Test func entriesOfOtherProgramsAreLeftOut() async throws {
    try await withCluster { cluster in
      let node = try await cluster.start("web-1")
      try await node.enter(TestClient(1), "room")
      for (field, value) in [("x", "garbage"), ("y", "{}"), ("z", #"{"user":1,"node":"n","since":1}"#)] {
        try cluster.redis.call("HSET", "apus:presence:room", field, value)
      }
      let pages = try await pages(node, "room", limit: 1)
      #expect(pages.flatMap(\.entries).map(\.connection.client.string) == ["c-1"])
      #expect(pages.count == 4, "they take their place all the same")
    }
  }

  @Test func withoutRedisNothingIsRead() async throws {
    try await withCluster { cluster in
      let node = try await cluster.start("web-1")
      cluster.redis.kill()
      try await node.waitForLink(.down)
      #expect(try await node.ask(.counts(["room"])) == .refused(.unavailable))
      #expect(try await node.ask(.connections("room", cursor: nil, limit: 10)) == .refused(.unavailable))
      #expect(try await node.ask(.clear("room")) == .refused(.unavailable))
    }
  }
}
