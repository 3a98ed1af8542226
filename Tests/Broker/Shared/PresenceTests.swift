import Cluster
import Model
import Reactor
import Testing

/// Who is in a channel, and who is told.
struct PresenceTests {
  @Test(arguments: BrokerKind.allCases)
  func aUserJoinsAndLeavesOnceWithAllConnections(_ kind: BrokerKind) async throws {
    try await withNode(kind) { node in
      let alice = [TestClient(1, user: "alice"), TestClient(2, user: "alice", loop: 1), TestClient(3, user: "alice")]
      for loop in 0..<2 { try await node.attach("room", from: loop) }
      for client in alice { try await node.enter(client, "room") }
      try await node.enter(TestClient(4, user: "bob", loop: 1), "room")
      try await node.expectRoster("room", "alice 3, bob 1")
      for client in alice {
        try await node.settle("room")
        #expect(node.log.changes(in: "room") == ["+alice 1", "+bob 2"])
        node.leave(client, "room")
      }
      try await node.settle("room")
      for loop in 0..<2 { #expect(node.log.changes(in: "room", on: loop) == ["+alice 1", "+bob 2", "-alice 1"]) }
    }
  }

  @Test(arguments: BrokerKind.allCases)
  func anonymousConnectionsCountOneEach(_ kind: BrokerKind) async throws {
    try await withNode(kind) { node in
      try await node.attach("room")
      try await node.enter(TestClient(1), "room")
      try await node.enter(TestClient(2, user: "alice"), "room")
      let answer = try await node.enter(TestClient(3), "room")
      #expect(answer.roster?.count == 3)
      node.leave(TestClient(1), "room")
      node.leave(TestClient(3), "room")
      try await node.settle("room")
      #expect(node.log.changes(in: "room") == ["+c-1 1", "+alice 2", "+c-3 3", "-c-1 2", "-c-3 1"])
      try await node.expectRoster("room", "alice 1")
    }
  }

  @Test(arguments: BrokerKind.allCases)
  func eventsAreWrittenOutAndSpareWhoCausedThem(_ kind: BrokerKind) async throws {
    try await withNode(kind) { node in
      let alice = TestClient(1, user: "alice")
      let anonymous = TestClient(2)
      try await node.attach("room")
      try await node.enter(alice, "room", info: #"{"a" : [1.50]}"#)
      try await node.enter(anonymous, "room", info: "null")
      node.leave(alice, "room")
      node.leave(anonymous, "room")
      try await node.settle("room")
      let told = node.log.all().filter { if case .presence = $0 { true } else { false } }
      let expected: [(String, TestClient)] = [
        (#"{"type":"join","channel":"room","user":"alice","info":{"a" : [1.50]},"count":1}"#, alice),
        (#"{"type":"join","channel":"room","user":null,"client":"c-2","info":null,"count":2}"#, anonymous),
        (#"{"type":"leave","channel":"room","user":"alice","count":1}"#, alice),
        (#"{"type":"leave","channel":"room","user":null,"client":"c-2","count":0}"#, anonymous),
      ]
      #expect(told == expected.map { .presence("room", ExactString($0.0), excluding: $0.1.id) })
    }
  }

  @Test(arguments: BrokerKind.allCases)
  func enteringAgainChangesTheInfoAlone(_ kind: BrokerKind) async throws {
    try await withNode(kind) { node in
      let alice = TestClient(1, user: "alice")
      try await node.attach("room")
      try await node.enter(alice, "room", info: "1")
      let answer = try await node.enter(alice, "room", info: "2")
      #expect(answer.roster?.members == [Member(user: "alice", client: nil, clients: 1, info: "2")])
      try await node.settle("room")
      #expect(node.log.changes(in: "room") == ["+alice 1"])
      // Entered twice, gone at once.
      node.leave(alice, "room")
      try await node.settle("room")
      #expect(node.log.changes(in: "room") == ["+alice 1", "-alice 0"])
    }
  }

  @Test(arguments: BrokerKind.allCases)
  func theRosterIsInOrderOfComingWithTheNewestInfo(_ kind: BrokerKind) async throws {
    try await withNode(kind) { node in
      let comings: [(TestClient, String?)] = [
        (TestClient(1, user: "zoe"), "1"), (TestClient(2), "2"), (TestClient(3, user: "alice"), nil),
        (TestClient(4, user: "zoe"), "4"), (TestClient(5, user: "zoe"), nil),
      ]
      for (client, info) in comings {
        try await node.enter(client, "room", info: info)
        try await nextMillisecond()
      }
      let expected = Roster(
        members: [
          Member(user: "zoe", client: nil, clients: 3, info: "4"),
          Member(user: nil, client: ClientID("c-2"), clients: 1, info: "2"),
          Member(user: "alice", client: nil, clients: 1, info: nil),
        ], count: 3)
      #expect(try await node.roster("room") == .roster(expected))
      #expect(try await node.enter(TestClient(6), "room", .watch) == .roster(expected))
    }
  }

  @Test(arguments: BrokerKind.allCases)
  func whoWatchesIsNoMember(_ kind: BrokerKind) async throws {
    try await withNode(kind) { node in
      try await node.attach("room")
      let nobody = Roster(members: [], count: 0)
      #expect(try await node.enter(TestClient(1, user: "alice"), "room", .watch) == .roster(nobody))
      try await node.enter(TestClient(2, user: "bob"), "room")
      try await node.expectRoster("room", "bob 1")
      // Ending what never was a membership is nothing.
      node.leave(TestClient(1, user: "alice"), "room")
      node.leave(TestClient(9, user: "nobody"), "room")
      try await node.settle("room")
      #expect(node.log.changes(in: "room") == ["+bob 1"])
    }
  }

  @Test(arguments: BrokerKind.allCases)
  func theCountIsToldWithoutNames(_ kind: BrokerKind) async throws {
    try await withNode(kind) { node in
      #expect(try await node.roster("room", onlyCount: true) == .roster(Roster(members: nil, count: 0)))
      #expect(try await node.roster("room") == .roster(Roster(members: [], count: 0)))
      let clients = [
        TestClient(1, user: "alice"), TestClient(2, user: "alice"), TestClient(3, user: "bob"), TestClient(4),
        TestClient(5),
      ]
      for client in clients { try await node.enter(client, "room") }
      #expect(try await node.roster("room", onlyCount: true) == .roster(Roster(members: nil, count: 4)))
      for client in clients[1...] { node.leave(client, "room") }
      #expect(try await node.roster("room", onlyCount: true) == .roster(Roster(members: nil, count: 1)))
    }
  }

  /// Waits until the clock by which comings are ordered has moved on.
  private func nextMillisecond() async throws {
    let now = Sys.wallMilliseconds()
    while Sys.wallMilliseconds() <= now { try await Task.sleep(for: .milliseconds(1)) }
  }
}
