import Redis
import TLS
import Testing

/// Replies as Redis sends them, through a real socket.
struct RedisReplyTests {
  @Test(arguments: [
    ("+OK\r\n", RedisValue.status("OK")),
    ("+\r\n", .status("")),
    ("-ERR no such key\r\n", .error(RedisError("ERR no such key"))),
    (":0\r\n", .integer(0)),
    (":9223372036854775807\r\n", .integer(.max)),
    (":-9223372036854775808\r\n", .integer(.min)),
    ("$5\r\nhello\r\n", .text("hello")),
    ("$0\r\n\r\n", .text("")),
    ("$4\r\na\r\nb\r\n", .text("a\r\nb")),
    ("$-1\r\n", .null),
    ("*-1\r\n", .null),
    ("*0\r\n", .array([])),
    ("*2\r\n$1\r\na\r\n:1\r\n", .array([.text("a"), .integer(1)])),
    ("*3\r\n$-1\r\n*-1\r\n*0\r\n", .array([.null, .null, .array([])])),
    (
      "*4\r\n*2\r\n:1\r\n*1\r\n+x\r\n-E\r\n*1\r\n*1\r\n*0\r\n$1\r\nz\r\n",
      .array([
        .array([.integer(1), .array([.status("x")])]), .error(RedisError("E")),
        .array([.array([.array([])])]), .text("z"),
      ])
    ),
  ])
  func decodes(wire: String, value: RedisValue) throws {
    #expect(try FakeRedis().deliver(wire) == [value])
  }

  @Test func keepsBytesThatAreNotText() throws {
    let bytes: [UInt8] = [0, 0xFF, 13, 10, 0x80]
    #expect(try FakeRedis().deliver(Array("$5\r\n".utf8) + bytes + [13, 10]) == [.string(bytes)])
  }

  @Test func decodesSplitAtEveryByte() throws {
    let wire = Array("*3\r\n$7\r\nmessage\r\n*2\r\n:-12\r\n$-1\r\n$4\r\na\r\nb\r\n+OK\r\n-ERR x\r\n".utf8)
    let expected: [RedisValue] = [
      .array([.text("message"), .array([.integer(-12), .null]), .text("a\r\nb")]), .status("OK"),
      .error(RedisError("ERR x")),
    ]
    for split in 1..<wire.count {
      let redis = try FakeRedis()
      #expect(redis.deliver(Array(wire[..<split])) + redis.deliver(Array(wire[split...])) == expected, "at \(split)")
    }
    let redis = try FakeRedis()
    #expect(wire.flatMap { redis.deliver([$0]) } == expected, "byte by byte")
  }

  @Test func decodesManyRepliesOfOneRead() throws {
    let redis = try FakeRedis()
    let wire = (0..<1000).map { "*2\r\n:\($0)\r\n$3\r\nabc\r\n" }.joined()
    #expect(redis.deliver(wire) == (0..<1000).map { .array([.integer($0), .text("abc")]) })
    #expect(redis.deliver(":7\r\n") == [.integer(7)])
  }

  @Test func decodesLargeStrings() throws {
    let redis = try FakeRedis()
    let large = (0..<1_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
    let wire = Array("$1000000\r\n".utf8) + large + Array("\r\n:1\r\n".utf8)
    // Twice: the second finds the memory of the first given back.
    for _ in 0..<2 { #expect(redis.deliver(wire) == [.string(large), .integer(1)]) }
    #expect(redis.deliver("$2\r\nhi\r\n") == [.text("hi")])
  }

  @Test func decodesLargeArrays() throws {
    let redis = try FakeRedis()
    let wire = "*50000\r\n" + (0..<50000).map { "*1\r\n:\($0)\r\n" }.joined() + "+OK\r\n"
    for _ in 0..<2 {
      #expect(redis.deliver(wire) == [.array((0..<50000).map { .array([.integer($0)]) }), .status("OK")])
    }
  }

  @Test(arguments: [
    "hello\r\n", "\r\n", "\0", "HTTP/1.1 400 Bad Request\r\n", "$abc\r\n", "$-2\r\n", "$1x\r\n", "*-2\r\n", "*x\r\n",
    "$99999999999999999999\r\n", "*4294967296\r\n", "*2147483648\r\n", "*2000000\r\n", "*99999999999999999999\r\n",
    "$9223372036854775808\r\n", ":abc\r\n", ":\r\n", ":1x\r\n", ":99999999999999999999\r\n",
    // RESP3, which is never asked for.
    ",1.5\r\n", "_\r\n", "#t\r\n", "%1\r\n+a\r\n+b\r\n", "~1\r\n+a\r\n", ">1\r\n+a\r\n", "(123\r\n",
    "=5\r\ntxt:a\r\n",
  ])
  func refusesGarbage(wire: String) throws {
    let redis = try FakeRedis()
    let (reason, before) = redis.complaint(about: Array(("+OK\r\n" + wire).utf8))
    #expect(reason?.isEmpty == false)
    #expect(before == [.status("OK")], "what came before it counts")
    #expect(
      redis.read { _ in Issue.record("a dead connection decodes nothing") }
        == .failed(StreamFailure(reason: reason ?? "")))
    #expect(redis.connection.flush() == .failed(StreamFailure(reason: reason ?? "")))
    #expect(!redis.connection.append(RedisCommand("PING")))
  }

  @Test func refusesTooDeepNesting() throws {
    let eight = String(repeating: "*1\r\n", count: 8) + ":1\r\n"
    #expect(try FakeRedis().deliver(eight).count == 1)
    let nine = try FakeRedis().complaint(about: Array(("*1\r\n" + eight).utf8))
    #expect(nine.reason?.isEmpty == false && nine.before.isEmpty)
    let thousand = try FakeRedis().complaint(about: Array(String(repeating: "*1\r\n", count: 1000).utf8))
    #expect(thousand.reason?.isEmpty == false)
  }

  @Test func refusesMoreElementsThanItMayHold() throws {
    // Each array is within the limit, all together are not.
    let half = "*600000\r\n" + String(repeating: ":1\r\n", count: 600_000)
    let (reason, before) = try FakeRedis().complaint(about: Array(("*2\r\n" + half + half).utf8))
    #expect(reason == "The reply has too many elements")
    #expect(before.isEmpty)
  }

  @Test func refusesMoreElementsThanFitIntoItsLimit() throws {
    let element = "$0\r\n\r\n"
    let wire = { (count: Int) in Array(("*\(count)\r\n" + String(repeating: element, count: count)).utf8) }
    let (reason, before) = try FakeRedis(maxReply: 1 << 20).complaint(about: wire(50_000))
    #expect(reason == "The reply has too many elements" && before.isEmpty)
    #expect(try FakeRedis(maxReply: 1 << 20).deliver(wire(1000)).count == 1)
  }

  @Test func forgetsOneReplyBeforeTheNext() throws {
    // All together they are more than one reply may be.
    let redis = try FakeRedis()
    let wire = Array("$1000000\r\n".utf8) + [UInt8](repeating: 0x61, count: 1_000_000) + [13, 10]
    var count = 0
    for _ in 0..<140 {
      var rest = wire[...]
      while !rest.isEmpty {
        rest = rest.dropFirst(redis.write(rest))
        try #require(redis.read { count += $0.bytes.count } == .drained)
      }
    }
    #expect(redis.read { count += $0.bytes.count } == .drained)
    #expect(count == 140_000_000)
  }

  @Test(
    arguments: [
      (RedisCodec.maxReply, "$1000000000\r\n"), (1 << 20, "$1000000000\r\n"), (1 << 20, "+"),
    ] as [(Int, String)])
  func refusesMoreBytesThanItMayHold(limit: Int, beginning: String) throws {
    let redis = try FakeRedis(maxReply: limit)
    try redis.write(beginning)
    let chunk = [UInt8](repeating: 0x61, count: 65536)[...]
    var written = 0
    while true {
      written += redis.write(chunk)
      guard case .failed(let failure) = redis.read({ _ in }) else {
        try #require(written < limit + 72 << 20)
        continue
      }
      #expect(failure.reason == "The reply is too large")
      #expect(written >= limit)
      return
    }
  }

  @Test func survivesAnyBytes() throws {
    var random = SplitMix(state: 7)
    let alphabet = Array("+-:$*0123456789\r\nab".utf8)
    for _ in 0..<2000 {
      let redis = try FakeRedis()
      let wire = (0..<Int.random(in: 1...80, using: &random)).map { _ in alphabet.randomElement(using: &random) ?? 0 }
      _ = redis.complaint(about: wire)
    }
  }
}
