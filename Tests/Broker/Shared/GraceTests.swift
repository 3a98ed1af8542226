import Cluster
import Model
import Testing

/// Lost connections stay present for the grace.
struct GraceTests {
  /// Milliseconds nobody waits for: what happens within it is there for good.
  private static let long: Int64 = 600_000

  @Test(arguments: BrokerKind.allCases)
  func whoDoesNotComeBackLeavesOnce(_ kind: BrokerKind) async throws {
    try await withNode(kind, leaveGrace: 100) { node in
      let alice = [TestClient(1, user: "alice"), TestClient(2, user: "alice")]
      try await node.attach("room")
      for client in alice { try await node.enter(client, "room") }
      for client in alice { node.leave(client, "room", lost: true) }
      try await wait(until: { node.log.changes(in: "room").count == 2 }, "alice never left")
      try await node.settle("room")
      #expect(node.log.changes(in: "room") == ["+alice 1", "-alice 0"])
      try await node.expectRoster("room", "")
    }
  }

  @Test(arguments: BrokerKind.allCases)
  func whoComesBackInTimeHasNeitherLeftNorJoined(_ kind: BrokerKind) async throws {
    try await withNode(kind, leaveGrace: 100) { node in
      try await node.attach("room")
      try await node.enter(TestClient(1, user: "alice"), "room")
      // Both in one turn or two: in any case long before the grace is looked at again.
      node.leave(TestClient(1, user: "alice"), "room", lost: true)
      try await node.enter(TestClient(2, user: "alice"), "room")
      // The grace of the first is over when the second stands alone.
      try await wait(until: { try await node.roster("room").summary == "alice 1" }, "the lost one never left")
      try await node.settle("room")
      #expect(node.log.changes(in: "room") == ["+alice 1"])
    }
  }

  @Test(arguments: BrokerKind.allCases)
  func theLostStayUntilTheGraceIsOver(_ kind: BrokerKind) async throws {
    try await withNode(kind, leaveGrace: Self.long) { node in
      let alice = TestClient(1, user: "alice")
      try await node.attach("room")
      try await node.enter(alice, "room")
      node.leave(alice, "room", lost: true)
      try await node.settle("room")
      #expect(node.log.changes(in: "room") == ["+alice 1"])
      try await node.expectRoster("room", "alice 1")
    }
  }

  @Test(arguments: BrokerKind.allCases)
  func leavingOnPurposeNeedsNoGrace(_ kind: BrokerKind) async throws {
    try await withNode(kind, leaveGrace: Self.long) { node in
      let alice = TestClient(1, user: "alice")
      try await node.attach("room")
      try await node.enter(alice, "room")
      node.leave(alice, "room")
      try await node.settle("room")
      #expect(node.log.changes(in: "room") == ["+alice 1", "-alice 0"])
    }
  }

  @Test(arguments: BrokerKind.allCases)
  func leavingOnPurposeEndsARunningGrace(_ kind: BrokerKind) async throws {
    try await withNode(kind, leaveGrace: Self.long) { node in
      let alice = TestClient(1, user: "alice")
      try await node.attach("room")
      try await node.enter(alice, "room")
      node.leave(alice, "room", lost: true)
      node.leave(alice, "room")
      try await node.settle("room")
      #expect(node.log.changes(in: "room") == ["+alice 1", "-alice 0"])
    }
  }
}
