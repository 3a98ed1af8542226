import Cluster
import Model
import Testing

/// What other programs publish to a channel.
struct ForeignPayloadTests {
  @Test func dataBecomesAMessageFromNobody() async throws {
    try await withCluster { cluster in
      let node = try await cluster.start("web-1")
      try await node.attach("room")
      let data = [#"{"a":1}"#, #"{ "type":"join","x":[1.0e+2] }"#, #"{"user":"漢字 🐦"}"#, "{}"]
      for text in data { try cluster.redis.call("PUBLISH", "apus:ch:room", text) }
      try await node.settle("room")
      let messages = node.log.messages(in: "room").dropLast()
      #expect(messages.count == data.count)
      for (message, text) in zip(messages, data) {
        #expect(message.value.hasPrefix(#"{"type":"message","channel":"room","from":null,"data":\#(text),"ts":1"#))
      }
      #expect(await node.status().malformedPayloads == 0)
    }
  }

  @Test func garbageIsDroppedAndCounted() async throws {
    try await withCluster { cluster in
      let node = try await cluster.start("web-1")
      try await node.attach("room")
      let garbage: [[UInt8]] =
        [
          "hello", "", "[1]", "\"x\"", "1", " {}", #"{"a":"#, #"{"a":1}x"#, #"{"a":01}"#, "{\"a\":\"\n\"}", "m - - -",
          "m - - -\n", "m - -\n{}", "b - - -\nxyz", "m e - -\n{}", "m - 1 -\n{}", "m e 0 -\n{}",
          "m - - \n{}", "m  - - -\n{}", String(repeating: "m", count: 5000),
          "{\"a\":\"" + String(repeating: "x", count: 1000) + "\"}",
        ].map { Array($0.utf8) } + [Array("{\"a\":\"".utf8) + [0xFF, 0xC0] + Array("\"}".utf8), [0], [0xFF]]
      let probe = try cluster.redis.connect()
      for payload in garbage {
        try probe.send([Array("PUBLISH".utf8), Array("apus:ch:room".utf8), payload])
        #expect(try probe.receive().integer == 1)
      }
      try await node.settle("room")
      #expect(node.log.messages(in: "room").count == 1)
      #expect(node.log.presence(in: "room").isEmpty)
      #expect(await node.status().malformedPayloads == garbage.count)
    }
  }

  /// An event behind a header is looked at, too: whoever may write in Redis can write one.
  @Test func eventsThatAreNotFitAreDroppedAndCounted() async throws {
    try await withCluster { cluster in
      let node = try await cluster.start("web-1")
      try await node.attach("room")
      let long = "{\"a\":\"" + String(repeating: "x", count: 1000 + 4096) + "\"}"
      let bad: [[UInt8]] =
        [#"{"a":"#, "[]", "hello", #"{"a":1}{"a":2}"#, long].map { Array($0.utf8) }
        + [Array("{\"a\":\"".utf8) + [0xFF, 0xC0] + Array("\"}".utf8)]
      let probe = try cluster.redis.connect()
      for header in ["m - - -\n", "s - - -\n", "p - - c-1\n"] {
        for event in bad {
          try probe.send([Array("PUBLISH".utf8), Array("apus:ch:room".utf8), Array(header.utf8) + event])
          #expect(try probe.receive().integer == 1)
        }
      }
      try await node.settle("room")
      #expect(node.log.messages(in: "room").count == 1 && node.log.presence(in: "room").isEmpty)
      #expect(await node.status().malformedPayloads == 3 * bad.count)
    }
  }

  /// What nodes of a later version say to one another is not for this one.
  @Test func laterKindsAndVersionsArePassedOver() async throws {
    try await withCluster { cluster in
      let node = try await cluster.start("web-1")
      try await node.attach("room")
      let later = ["x - - -\n{}", "m2 - - -\n{}", "m2 - - - more\nnot JSON", "Z\n"]
      for text in later { try cluster.redis.call("PUBLISH", "apus:ch:room", text) }
      for text in ["d2 bob\n{}", "r bob\n{}", "n2\n{}"] { try cluster.redis.call("PUBLISH", "apus:control", text) }
      try await node.settle("room")
      #expect(node.log.messages(in: "room").count == 1)
      #expect(await node.status().unknownPayloads == later.count + 3)
      #expect(await node.status().malformedPayloads == 0)
    }
  }

  @Test func whatComesToTheControlChannelsHarmsNobody() async throws {
    try await withCluster { cluster in
      let node = try await cluster.start("web-1")
      try await node.attach("room")
      for channel in ["apus:control", "apus:control:\(node.id)"] {
        for text in ["", "probe", "probe x", "probe -1", "probe 99999999999999999999999", "probe 7 8", "{}", "\u{0}"] {
          try cluster.redis.call("PUBLISH", channel, text)
        }
      }
      try await node.settle("room")
      #expect(await node.status().isReady)
      #expect(node.log.links == [.lost, .up])
    }
  }
}
