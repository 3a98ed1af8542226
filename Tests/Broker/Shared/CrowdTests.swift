import Cluster
import Model
import Testing

/// Large channels tell how many there are, not each who comes and goes.
struct PresenceThrottleTests {
  @Test(arguments: BrokerKind.allCases)
  func above200OnlyTheCountAndBelow150TheRosterAgain(_ kind: BrokerKind) async throws {
    try await withNode(kind) { node in
      let clients = (1...205).map { TestClient(UInt32($0)) }
      try await node.attach("room")
      try await node.enter(TestClient(1000), "room", .watch)
      for client in clients { node.sendEnter(client, "room") }
      try await wait(until: { count(in: node.log.presence(in: "room").last) == 205 }, "the count was never told")
      let joins = node.log.presence(in: "room").compactMap(PresenceChange.init)
      #expect(joins.map(\.count) == Array(1...200))
      #expect(!joins.contains { !$0.isJoin })

      // 205 down to 149: the border itself is above.
      for client in clients[..<56] { node.leave(client, "room") }
      let roster = { node.log.presence(in: "room").filter { $0.contains(#""members":["#) } }
      try await wait(until: { !roster().isEmpty }, "the roster was never told")
      try await node.settle("room")
      #expect(node.log.changes(in: "room").count == 200)
      #expect(roster().count == 1)
      #expect(roster().first?.occurrences(of: #"{"user":null,"client":"c-"#) == 149)
      #expect(roster().first?.hasSuffix(#"],"count":149}"#) == true)

      node.leave(clients[56], "room")
      try await node.settle("room")
      #expect(node.log.presence(in: "room").last.flatMap(PresenceChange.init)?.description == "-c-57 148")
    }
  }

  /// The number in an event that tells nothing else.
  private func count(in event: String?) -> Int? {
    let head = #"{"type":"members","channel":"room","count":"#
    guard let event, event.hasPrefix(head) else { return nil }
    return Int(event.dropFirst(head.count).dropLast())
  }
}

extension String {
  /// How often the text occurs.
  fileprivate func occurrences(of text: String) -> Int {
    ranges(of: text).count
  }
}
