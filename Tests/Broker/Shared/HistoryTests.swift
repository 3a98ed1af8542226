import Cluster
import Model
import Testing

/// What is kept of messages, and how it is had again.
struct HistoryTests {
  private let alice = TestClient(1, user: "alice")

  private func publish(_ count: Int, _ node: BrokerHarness, to channel: ChannelName = "room") async throws {
    let before = node.log.publishAnswers(to: alice.session).count
    for number in 0..<count { node.publish(draft: "\(number)", to: channel, by: alice, id: "1") }
    try await wait(
      until: { node.log.publishAnswers(to: alice.session).count == before + count }, "some were not answered")
  }

  @Test(arguments: BrokerKind.allCases)
  func messagesHavePlacesInOrder(_ kind: BrokerKind) async throws {
    try await withNode(kind) { node in
      try await node.attach("room")
      try await publish(50, node)
      try await wait(until: { node.log.places(in: "room").count == 50 }, "some never came")
      #expect(node.log.places(in: "room") == Array(1...50))
      let read = try await node.read("room", .position, by: alice)
      #expect(read.latest?.offset == 50)
      #expect(read.offsets == [])
    }
  }

  @Test(arguments: BrokerKind.allCases)
  func whatWasMissedIsHadAgain(_ kind: BrokerKind) async throws {
    try await withNode(kind) { node in
      try await publish(10, node)
      let latest = try #require(try await node.read("room", .position, by: alice).latest)
      func recover(_ offset: Int, _ epoch: String? = nil) async throws -> HistoryAnswer {
        let since = StreamPosition(epoch: epoch ?? latest.epoch, offset: offset)
        return try await node.read("room", .recover(.position(since)), by: alice)
      }
      #expect(try await recover(7).offsets == [8, 9, 10])
      #expect(try await recover(7).isComplete)
      #expect(try await recover(10).isComplete)
      #expect(try await recover(11).isComplete == false)
      #expect(try await recover(7, "another").isComplete == false)
      #expect(try await recover(7, "another").offsets == [])
      #expect(try await node.read("room", .recover(.time(0)), by: alice).offsets == Array(1...10))
      #expect(try await node.read("room", .newest(3), by: alice).offsets == [8, 9, 10])
      let second = Since.position(StreamPosition(epoch: latest.epoch, offset: 1))
      #expect(try await node.read("room", .after(second, limit: 2), by: alice).offsets == [2, 3])
    }
  }

  @Test(arguments: BrokerKind.allCases)
  func aPositionOfAnotherEpochIsToldAsSuch(_ kind: BrokerKind) async throws {
    try await withNode(kind) { node in
      try await publish(3, node)
      let latest = try #require(try await node.read("room", .position, by: alice).latest)
      for (epoch, offset, isReset) in [
        (latest.epoch, 1, false), (latest.epoch, 3, false), (latest.epoch, 4, false), ("another", 1, true),
      ] {
        let since = Since.position(StreamPosition(epoch: epoch, offset: offset))
        let answer = try await node.read("room", .after(since, limit: 5), by: alice)
        #expect(answer.isReset == isReset, "\(epoch):\(offset)")
        #expect(answer.offsets == (isReset || offset >= 3 ? [] : [2, 3]))
      }
    }
  }

  @Test(arguments: BrokerKind.allCases)
  func onlySoMuchIsKept(_ kind: BrokerKind) async throws {
    try await withNode(kind) { node in
      try await publish(120, node)
      let latest = try #require(try await node.read("room", .position, by: alice).latest)
      func recover(_ offset: Int) async throws -> Bool {
        let since = StreamPosition(epoch: latest.epoch, offset: offset)
        return try await node.read("room", .recover(.position(since)), by: alice).isComplete
      }
      #expect(try await recover(20), "the oldest that is held follows it")
      #expect(try await recover(19) == false)
    }
  }

  @Test(arguments: BrokerKind.allCases)
  func aKeyIsTakenOnce(_ kind: BrokerKind) async throws {
    try await withNode(kind) { node in
      try await node.attach("room")
      try await node.attach("plain")
      for _ in 0..<3 {
        node.publish(draft: "1", to: "room", by: alice, id: "1", key: "k")
        node.publish(draft: "1", to: "plain", by: alice, id: "1", keeping: nil, key: "k")
      }
      node.publish(draft: "2", to: "room", by: alice, id: "1", key: "other")
      try await wait(until: { node.log.publishAnswers(to: alice.session).count == 7 }, "some were not answered")
      try await wait(until: { node.log.places(in: "room").count == 2 }, "some never came")
      #expect(node.log.places(in: "room") == [1, 2])
      #expect(node.log.messages(in: "plain").count == 1)
    }
  }
}
