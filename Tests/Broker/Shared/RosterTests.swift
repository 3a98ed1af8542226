import Cluster

import Model
import Testing

/// Which members are told, and which are too many or too large.
struct RosterTests {
  private let info = "\"\(String(repeating: "i", count: 1000))\""

  /// Makes them members; the last asks who is there, behind the others.
  private func enter(_ clients: some BidirectionalCollection<TestClient>, info: String? = nil, _ node: BrokerHarness)
    async throws -> Roster?
  {
    for client in clients.dropLast() {
      node.report(.update(client.memberConnection(info: info), "room"), from: client.loop)
    }
    guard let last = clients.last else { return nil }
    return try await node.enter(last, "room", info: info).roster
  }

  @Test(arguments: BrokerKind.allCases)
  func aThousandConnectionsAreTold(_ kind: BrokerKind) async throws {
    try await withNode(kind) { node in
      let clients = (1...1001).map { TestClient(UInt32($0)) }
      let all = try await enter(clients[..<1000], node)
      #expect(all?.members?.count == 1000)
      #expect(try await node.enter(clients[1000], "room") == .roster(.truncated(count: 1001)))
      #expect(try await node.enter(TestClient(5000), "room", .watch) == .roster(.truncated(count: 1001)))
      #expect(try await node.roster("room") == .roster(.truncated(count: 1001)))
      #expect(try await node.roster("room", onlyCount: true) == .roster(Roster(members: nil, count: 1001)))
      node.leave(clients[0], "room")
      #expect(try await node.roster("room").roster?.members?.count == 1000)
    }
  }

  @Test(arguments: BrokerKind.allCases)
  func halfAMebibyteIsTold(_ kind: BrokerKind) async throws {
    try await withNode(kind) { node in
      let clients = (1...560).map { TestClient(UInt32($0)) }
      let some = try await enter(clients[..<480], info: info, node)
      #expect(some?.members?.count == 480)
      let all = try await enter(clients[480...], info: info, node)
      #expect(all == .truncated(count: 560))
      #expect(try await node.roster("room") == .roster(.truncated(count: 560)))
    }
  }

  /// A megabyte in all, and one entry.
  @Test(arguments: BrokerKind.allCases)
  func manyConnectionsOfAUserAreOneMember(_ kind: BrokerKind) async throws {
    try await withNode(kind) { node in
      let clients = (1...1000).map { TestClient(UInt32($0), user: "a \"b\" \\ ,\"node\":\"c\",\"since\":1") }
      let roster = try await enter(clients, info: info, node)
      #expect(roster?.members == [Member(user: clients[0].user, client: nil, clients: 1000, info: info)])
    }
  }

  /// Whose answer comes has been in the channel before it was read.
  @Test(arguments: BrokerKind.allCases)
  func everybodyFindsThemselves(_ kind: BrokerKind) async throws {
    try await withNode(kind) { node in
      let clients = (1...200).map { TestClient(UInt32($0), loop: Int($0) % 2) }
      for (index, client) in clients.enumerated() {
        node.sendEnter(client, "room")
        if index % 7 == 0 { node.flush() }
      }
      for client in clients {
        let answers = { node.log.enterAnswers(to: client.session, in: "room", on: client.loop) }
        try await wait(until: { answers().count == 1 }, "no answer to \(client.id)")
        #expect(answers()[0].roster?.members?.contains { $0.client == client.id } == true)
      }
    }
  }

  @Test(arguments: BrokerKind.allCases)
  func whoAsksForNoAnswerGetsNone(_ kind: BrokerKind) async throws {
    try await withNode(kind) { node in
      let alice = TestClient(1, user: "alice")
      try await node.attach("room")
      node.report(.update(alice.memberConnection(info: "1"), "room"))
      try await node.expectRoster("room", "alice 1")
      #expect(node.log.enterAnswers(to: alice.session, in: "room").isEmpty)
    }
  }
}
