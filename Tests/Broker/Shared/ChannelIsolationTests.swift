import Cluster
import Model
import Testing

/// Names that look like keys, patterns, paths or quotes are names like any other, and no two of them meet.
struct ChannelIsolationTests {
  static let names: [ChannelName] = [
    "a", "a:users", "a:meta", "a:ch", "users:a", "presence:a", "ch:a", "control", "nodes", "node:a", ":", "a:", "-",
    #"quo"te"#, #"back\slash"#, "it's", "a*", "a?", "[a]", "%61", "$a", "A", "1", "комната", "房间", "غرفة", "ห้อง",
    "🐦", "\u{E9}", "e\u{301}", ChannelIsolationTests.longest,
  ]

  private static let longest: ChannelName = {
    guard let name = ChannelName(String(repeating: "x", count: ChannelName.maxLength)) else { return "x" }
    return name
  }()

  @Test(arguments: BrokerKind.allCases)
  func messagesStayInTheirChannel(_ kind: BrokerKind) async throws {
    try await withNode(kind) { node in
      let client = TestClient(1)
      for name in Self.names { try await node.attach(name) }
      for (index, name) in Self.names.enumerated() { node.publish("\(index)", to: name, by: client) }
      for name in Self.names { try await node.settle(name) }
      for (index, name) in Self.names.enumerated() {
        #expect(node.log.messages(in: name).first == client.text("\(index)", in: name))
        // The second one is that of `settle`.
        #expect(node.log.messages(in: name).count == 2)
      }
    }
  }

  @Test(arguments: BrokerKind.allCases)
  func membersStayInTheirChannel(_ kind: BrokerKind) async throws {
    try await withNode(kind) { node in
      for name in Self.names { try await node.attach(name) }
      for (index, name) in Self.names.enumerated() {
        try await node.enter(TestClient(UInt32(index), user: "alice"), name)
        try await node.enter(TestClient(UInt32(index) + 1000), name)
      }
      for (index, name) in Self.names.enumerated() {
        try await node.expectRoster(name, "alice 1, c-\(index + 1000) 1")
        node.leave(TestClient(UInt32(index), user: "alice"), name)
      }
      for (index, name) in Self.names.enumerated() {
        try await node.settle(name)
        #expect(node.log.changes(in: name) == ["+alice 1", "+c-\(index + 1000) 2", "-alice 1"])
        try await node.expectRoster(name, "c-\(index + 1000) 1")
      }
    }
  }

  @Test(arguments: BrokerKind.allCases)
  func usersWithOddNamesAreUsers(_ kind: BrokerKind) async throws {
    try await withNode(kind) { node in
      let users: [UserName] = ["a b", #"quo"te"#, #"back\slash"#, "漢字", "\u{E9}", "e\u{301}", "0", "null", "{}"]
      try await node.attach("room")
      for (index, user) in users.enumerated() {
        for copy: UInt32 in 0..<2 { try await node.enter(TestClient(UInt32(index) * 2 + copy, user: user), "room") }
      }
      let roster = try #require(try await node.roster("room").roster)
      #expect(Set(roster.members?.map(\.user) ?? []) == Set(users))
      #expect(roster.members?.allSatisfy { $0.clients == 2 } == true)
      #expect(try await node.roster("room", onlyCount: true) == .roster(Roster(members: nil, count: users.count)))
      try await node.settle("room")
      #expect(node.log.changes(in: "room").count == users.count)
    }
  }
}
