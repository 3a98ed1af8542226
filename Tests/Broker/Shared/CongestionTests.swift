import Cluster
import Model
import Testing

/// A loop that is far behind: nothing more is taken in, and nothing that was taken is lost.
struct CongestionTests {
  @Test(arguments: BrokerKind.allCases)
  func publishesAreRefusedUntilItHasCaughtUp(_ kind: BrokerKind) async throws {
    try await withNode(kind) { node in
      let client = TestClient(1)
      try await node.attach("room")
      node.log.setCongested(true)
      node.publish("1", to: "room", by: client)
      try await wait(until: { node.log.publishAnswers(to: client.session) == [.unavailable] }, "not refused")
      node.log.setCongested(false)
      try await node.settle("room")
      #expect(node.log.messages(in: "room").count == 1, "what was refused was not published")
    }
  }

  @Test func whatOtherNodesPublishWaitsInRedis() async throws {
    try await withCluster { cluster in
      let (behind, other) = (try await cluster.start("web-1"), try await cluster.start("web-2"))
      for node in [behind, other] { try await node.attach("room") }
      let client = TestClient(1)
      behind.log.setCongested(true)
      // The first that comes shows the broker that it is to stop; what its socket held already still arrives.
      other.publish("\"first\"", to: "room", by: client)
      try await wait(until: { behind.log.messages(in: "room").count == 1 }, "the first never came")
      for number in 0..<2000 { other.publish("\(number)", to: "room", by: client) }
      try await other.settle("room")
      #expect(behind.log.messages(in: "room").count == 1, "it has read on")
      behind.log.setCongested(false)
      try await wait(until: { behind.log.messages(in: "room").count == 2002 }, "some never came")
      #expect(behind.log.messages(in: "room") == other.log.messages(in: "room"))
      #expect(behind.log.count(of: .subscriptionsLost) == other.log.count(of: .subscriptionsLost))
    }
  }
}
