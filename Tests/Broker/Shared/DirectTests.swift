import Cluster
import Model
import Testing

/// Events for users and for everybody.
struct DirectTests {
  private let alice = TestClient(1, user: "alice")

  @Test(arguments: BrokerKind.allCases)
  func aUserGetsWhatIsSent(_ kind: BrokerKind) async throws {
    try await withNode(kind) { node in
      node.connect(TestClient(2, user: "bob", loop: 1))
      try await node.expect(.online, sending: #"{ "a":1.0 }"#, to: "bob", by: alice)
      try await node.expect(.offline, sending: "2", to: "carol", by: alice)
      node.send("3", to: "bob", by: TestClient(3))
      let expected = [
        #"{"type":"direct","from":"alice","client":"c-1","data":{ "a":1.0 }"#,
        #"{"type":"direct","from":null,"client":"c-3","data":3"#,
      ]
      for loop in 0..<2 {
        try await wait(until: { node.log.events(for: .user("bob"), on: loop).count == 2 }, "loop \(loop) was not told")
        #expect(node.log.events(for: .user("bob"), on: loop) == expected)
        #expect(node.log.events(for: .user("carol"), on: loop) == [])
      }
      // What was sent without an id is not answered.
      #expect(node.log.sendAnswers(to: TestClient(3).session) == [])
    }
  }

  @Test(arguments: BrokerKind.allCases)
  func onlineIsWhoHasAConnection(_ kind: BrokerKind) async throws {
    try await withNode(kind) { node in
      let connections = [TestClient(2, user: "bob"), TestClient(3, user: "bob", loop: 1)]
      for connection in connections { node.connect(connection) }
      // Nobody in particular is no user.
      node.connect(TestClient(4))
      try await node.expect(.online, sending: "1", to: "bob", by: alice)
      node.disconnect(connections[0])
      try await node.expect(.online, sending: "1", to: "bob", by: alice)
      node.disconnect(connections[1])
      try await node.expect(.offline, sending: "1", to: "bob", by: alice)
      node.disconnect(TestClient(4))
      // Comes late, and counts for nobody.
      node.disconnect(connections[1])
      node.connect(TestClient(5, user: "bob"))
      try await node.expect(.online, sending: "1", to: "bob", by: alice)
    }
  }

  @Test(arguments: BrokerKind.allCases)
  func whoIsKnownLaterIsFoundThen(_ kind: BrokerKind) async throws {
    try await withNode(kind) { node in
      node.connect(TestClient(2))
      try await node.expect(.offline, sending: "1", to: "bob", by: alice)
      node.connect(TestClient(2, user: "bob"))
      try await node.expect(.online, sending: "1", to: "bob", by: alice)
      node.disconnect(TestClient(2, user: "bob"))
      try await node.expect(.offline, sending: "1", to: "bob", by: alice)
    }
  }

  @Test(arguments: BrokerKind.allCases)
  func notifications(_ kind: BrokerKind) async throws {
    try await withNode(kind) { node in
      node.connect(TestClient(2, user: "bob"))
      #expect(try await node.notify("1", .user("bob")) == .online)
      #expect(try await node.notify("2", .user("carol")) == .offline)
      #expect(try await node.notify("3", .everybody) == .online)
      for loop in 0..<2 {
        for addressee in [Addressee.everybody, .user("bob")] {
          try await wait(until: { !node.log.events(for: addressee, on: loop).isEmpty }, "loop \(loop) was not told")
        }
        #expect(node.log.events(for: .everybody, on: loop) == [#"{"type":"notification","data":3"#])
        #expect(node.log.events(for: .user("bob"), on: loop) == [#"{"type":"notification","data":1"#])
      }
    }
  }

  @Test(arguments: BrokerKind.allCases)
  func nothingIsSentWhileALoopIsFarBehind(_ kind: BrokerKind) async throws {
    try await withNode(kind) { node in
      node.connect(TestClient(2, user: "bob"))
      node.log.setCongested(true)
      try await node.expect(.refused(.unavailable), sending: "1", to: "bob", by: alice)
      #expect(try await node.notify("1", .everybody) == .refused(.unavailable))
      node.log.setCongested(false)
      try await node.expect(.online, sending: "2", to: "bob", by: alice)
      try await wait(until: { !node.log.events(for: .user("bob")).isEmpty }, "never told")
      #expect(node.log.events(for: .user("bob")).count == 1)
    }
  }
}
