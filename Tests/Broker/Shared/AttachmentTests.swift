import Cluster

import Model
import Testing

/// Loops come to a channel and go.
struct AttachmentTests {
  @Test(arguments: BrokerKind.allCases)
  func everyLoopHearsThatTheLinkIsUp(_ kind: BrokerKind) async throws {
    try await withNode(kind) { node in
      for loop in 0..<2 {
        try await wait(
          until: { (0..<node.keyspaces.count).allSatisfy { node.log.links(with: $0, on: loop).last == .up } },
          "\(node.log.all(on: loop))")
      }
      #expect(await node.status().isReady)
    }
  }

  @Test(arguments: BrokerKind.allCases)
  func eachLoopIsAnsweredForItself(_ kind: BrokerKind) async throws {
    try await withNode(kind) { node in
      try await node.attach("room", from: 0)
      #expect(node.log.count(of: .attached("room"), on: 1) == 0)
      try await node.attach("room", from: 1)
      try await node.settle("room")
      #expect(node.log.count(of: .attached("room"), on: 0) == 1)
      #expect(node.log.count(of: .attached("room"), on: 1) == 1)
    }
  }

  @Test(arguments: BrokerKind.allCases)
  func manyChannelsAreAnsweredOnceEach(_ kind: BrokerKind) async throws {
    try await withNode(kind) { node in
      let channels = try (0..<1500).map { try #require(ChannelName("room:\($0)")) }
      for channel in channels { node.report(.attach(channel)) }
      let attached = { node.log.all().compactMap { if case .attached(let channel) = $0 { channel } else { nil } } }
      try await wait(until: { Set(attached()) == Set(channels) }, "some were never attached")
      #expect(attached().count == channels.count)
    }
  }

  @Test(arguments: BrokerKind.allCases)
  func aLoopThatHasGoneHearsNothingMore(_ kind: BrokerKind) async throws {
    try await withNode(kind) { node in
      let client = TestClient(1)
      try await node.attach("room", from: 0)
      try await node.attach("room", from: 1)
      try await node.attach("hall", from: 1)
      node.report(.detach("room"), from: 1)
      node.publish("1", to: "room", by: client)
      // Published later, and in the same shard where there are three, so whatever of the first was meant for this loop is
      // here by then.
      node.publish("2", to: "hall", by: client)
      try await wait(until: { !node.log.messages(in: "hall", on: 1).isEmpty }, "the second message never came")
      #expect(node.log.messages(in: "room", on: 0) == [client.text("1", in: "room")])
      #expect(node.log.messages(in: "room", on: 1).isEmpty)
    }
  }

  @Test(arguments: BrokerKind.allCases)
  func comingBackIsAnsweredAgain(_ kind: BrokerKind) async throws {
    try await withNode(kind) { node in
      let client = TestClient(1)
      try await node.attach("room")
      for number in 0..<5 {
        node.report(.detach("room"))
        try await node.attach("room")
        node.publish("\(number)", to: "room", by: client)
        try await wait(until: { node.log.messages(in: "room").count == number + 1 }, "message \(number) never came")
      }
      #expect(node.log.messages(in: "room") == (0..<5).map { client.text("\($0)", in: "room") })
    }
  }
}
