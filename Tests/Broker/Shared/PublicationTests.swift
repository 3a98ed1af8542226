import Cluster

import Model
import Testing

/// Messages on their way through one node.
struct PublicationTests {
  @Test(arguments: BrokerKind.allCases)
  func allLoopsSeeOneOrder(_ kind: BrokerKind) async throws {
    try await withNode(kind) { node in
      let clients = [TestClient(1, user: "alice", loop: 0), TestClient(2, user: "bob", loop: 1)]
      for loop in 0..<2 { try await node.attach("room", from: loop) }
      for number in 0..<500 { node.publish("\(number)", to: "room", by: clients[number % 3 == 0 ? 1 : 0]) }
      for loop in 0..<2 {
        try await wait(until: { node.log.messages(in: "room", on: loop).count >= 500 }, "some never came")
      }
      let expected = (0..<500).map { clients[$0 % 3 == 0 ? 1 : 0].text("\($0)", in: "room") }
      #expect(node.log.messages(in: "room", on: 0) == expected)
      #expect(node.log.messages(in: "room", on: 1) == expected)
    }
  }

  @Test(arguments: BrokerKind.allCases)
  func thePublisherIsAnsweredWhenItAsked(_ kind: BrokerKind) async throws {
    try await withNode(kind) { node in
      let asking = TestClient(1, loop: 1)
      let silent = TestClient(2, loop: 1)
      node.publish("1", to: "room", by: silent)
      node.publish("2", to: "room", by: asking, id: "\"x\"")
      try await wait(until: { !node.log.publishAnswers(to: asking.session, on: 1).isEmpty }, "no answer")
      let asker = Asker.command(asking.session, RequestID(json: "\"x\""))
      let answer = Heard.answer([asker], .published(PublishReceipt()))
      #expect(node.log.count(of: answer, on: 1) == 1)
      #expect(node.log.count(of: answer, on: 0) == 0)
      #expect(node.log.publishAnswers(to: silent.session, on: 1).isEmpty)
    }
  }

  @Test(arguments: BrokerKind.allCases)
  func whoIsLeftOutIsToldToTheLoops(_ kind: BrokerKind) async throws {
    try await withNode(kind) { node in
      let client = TestClient(1, user: "alice")
      for loop in 0..<2 { try await node.attach("room", from: loop) }
      node.publish("1", to: "room", by: client, echo: false)
      node.publish("2", to: "room", by: client)
      for loop in 0..<2 {
        try await wait(until: { node.log.messages(in: "room", on: loop).count == 2 }, "some never came")
        let first = Heard.message("room", client.text("1", in: "room"), excluding: client.id)
        let second = Heard.message("room", client.text("2", in: "room"), excluding: nil)
        #expect(node.log.count(of: first, on: loop) == 1)
        #expect(node.log.count(of: second, on: loop) == 1)
      }
    }
  }

  @Test(arguments: BrokerKind.allCases)
  func theTextArrivesByteForByte(_ kind: BrokerKind) async throws {
    try await withNode(kind) { node in
      let client = TestClient(1, user: "Zoë \"Z\"\\ 🐦")
      let data = [
        "{}", #"{"a" : 1.0e+2,"a":"\u00e9\r\n"}"#, "\"é e\u{301} 漢字 🐦 \u{0085}\"", "12345678901234567890123", "\"\"",
        "\"m - - -\"", "\"" + String(repeating: "x", count: 4000) + "\"",
      ]
      try await node.attach("room")
      for text in data { node.publish(text, to: "room", by: client) }
      try await wait(until: { node.log.messages(in: "room").count == data.count }, "some never came")
      #expect(node.log.messages(in: "room") == data.map { client.text($0, in: "room") })
    }
  }

  @Test(arguments: BrokerKind.allCases)
  func nobodyListeningIsNoError(_ kind: BrokerKind) async throws {
    try await withNode(kind) { node in
      let client = TestClient(1)
      node.publish("1", to: "empty", by: client, id: "1")
      try await wait(until: { !node.log.publishAnswers(to: client.session).isEmpty }, "no answer")
      #expect(node.log.publishAnswers(to: client.session) == [nil])
      // What was published before one came is not for them.
      try await node.attach("empty")
      node.publish("2", to: "empty", by: client)
      try await wait(until: { !node.log.messages(in: "empty").isEmpty }, "the second message never came")
      #expect(node.log.messages(in: "empty") == [client.text("2", in: "empty")])
    }
  }
}
