import Redis
import Testing

/// Reading a reply in place.
struct RedisReplyViewTests {
  /// Lends the one reply of the wire's text.
  private func withView(of wire: String, _ body: (RedisReplyView) -> Void) throws {
    let redis = try FakeRedis()
    try redis.write(wire)
    var count = 0
    let result = redis.read { reply in
      count += 1
      body(reply)
    }
    #expect(result == .drained)
    #expect(count == 1)
  }

  @Test func readsAMessage() throws {
    try withView(of: "*3\r\n$7\r\nmessage\r\n$2\r\nch\r\n$5\r\nhello\r\n") { reply in
      #expect(reply.kind == .array)
      #expect(reply.count == 3)
      #expect(reply[0]?.string == "message")
      #expect(reply[1]?.bytes.elementsEqual("ch".utf8) == true)
      #expect(reply[2]?.string == "hello")
      #expect(reply[3] == nil)
      #expect(reply[-1] == nil)
      #expect(reply.children.map(\.string) == ["message", "ch", "hello"])
    }
  }

  @Test func skipsWhatLiesBetween() throws {
    let wire = "*5\r\n*2\r\n*2\r\n:1\r\n:2\r\n*1\r\n*0\r\n:3\r\n*0\r\n*1\r\n$1\r\nx\r\n$4\r\nlast\r\n"
    try withView(of: wire) { reply in
      #expect(reply.count == 5)
      #expect(reply[0]?[0]?[1]?.integer == 2)
      #expect(reply[0]?[1]?[0]?.kind == .array)
      #expect(reply[0]?[1]?[0]?.count == 0)
      #expect(reply[0]?[1]?[0]?[0] == nil)
      #expect(reply[0]?[2] == nil)
      #expect(reply[1]?.integer == 3)
      #expect(reply[2]?.children.map(\.kind) == [])
      #expect(reply[3]?[0]?.string == "x")
      #expect(reply[4]?.string == "last")
      #expect(reply[5] == nil)
      #expect(reply.children.map(\.kind) == [.array, .integer, .array, .array, .string])
    }
  }

  @Test func readsAsNothingWhatItIsNot() throws {
    try withView(of: "*4\r\n:7\r\n$2\r\nhi\r\n$-1\r\n-NOSCRIPT No matching script.\r\n") { reply in
      #expect(reply.integer == 0)
      #expect(reply.bytes.isEmpty)
      #expect(reply.error == nil)
      #expect(reply[0]?.bytes.isEmpty == true)
      #expect(reply[0]?.count == 0)
      #expect(reply[0]?[0] == nil)
      #expect(reply[1]?.integer == 0)
      #expect(reply[2]?.kind == .null)
      #expect(reply[2]?.string == "")
      #expect(reply[3]?.error == RedisError("NOSCRIPT No matching script."))
    }
  }

  @Test func replacesWhatIsNotText() throws {
    let redis = try FakeRedis()
    #expect(redis.write(Array("$2\r\n".utf8) + [0x61, 0xFF, 13, 10]) == 8)
    var text = ""
    #expect(redis.read { text = $0.string } == .drained)
    #expect(text == "a\u{FFFD}")
  }
}
