import Redis
import Testing

/// What the codec does with its socket.
struct RedisCodecTests {
  @Test func encodesCommandsExactly() throws {
    let redis = try FakeRedis()
    var command = RedisCommand("SET", "ключ")
    command.arg([0, 13, 10, 255])
    command.arg(-42)
    command.arg("")
    #expect(redis.codec.append(command))
    let expected =
      Array("*5\r\n$3\r\nSET\r\n$8\r\nключ\r\n$4\r\n".utf8) + [0, 13, 10, 255]
      + Array("\r\n$3\r\n-42\r\n$0\r\n\r\n".utf8)
    #expect(redis.codec.pendingBytes == expected.count)
    #expect(redis.receivedBytes().isEmpty, "nothing leaves before flush")
    #expect(redis.codec.flush() == .done)
    #expect(redis.codec.pendingBytes == 0)
    #expect(redis.receivedBytes() == expected)
    #expect(redis.codec.flush() == .done, "there is nothing to do")
  }

  @Test func encodesTwoArgumentsFromTheirBytes() throws {
    let redis = try FakeRedis()
    Array("ch".utf8).withUnsafeBytes { channel in
      [UInt8]([1, 0, 2]).withUnsafeBytes { payload in
        #expect(redis.codec.append("PUBLISH", channel, payload))
        #expect(redis.codec.append("PUBLISH", channel, UnsafeRawBufferPointer(start: nil, count: 0)))
      }
    }
    #expect(redis.codec.flush() == .done)
    #expect(
      redis.received()
        == "*3\r\n$7\r\nPUBLISH\r\n$2\r\nch\r\n$3\r\n\u{1}\0\u{2}\r\n*3\r\n$7\r\nPUBLISH\r\n$2\r\nch\r\n$0\r\n\r\n")
  }

  @Test func encodesLongCommands() throws {
    let redis = try FakeRedis()
    var command = RedisCommand("SUBSCRIBE")
    for number in 0..<512 { command.arg("apus:ch:\(number)") }
    #expect(redis.codec.append(command))
    #expect(redis.codec.flush() == .done)
    let names = (0..<512).map { "apus:ch:\($0)" }.map { "$\($0.utf8.count)\r\n\($0)\r\n" }.joined()
    #expect(redis.received() == "*513\r\n$9\r\nSUBSCRIBE\r\n" + names)
  }

  @Test func pipelines() throws {
    let redis = try FakeRedis()
    for number in 0..<100 { #expect(redis.codec.append(RedisCommand("ECHO", "\(number)"))) }
    #expect(redis.codec.flush() == .done)
    let commands = (0..<100).map { "*2\r\n$4\r\nECHO\r\n$\("\($0)".utf8.count)\r\n\($0)\r\n" }.joined()
    #expect(redis.received() == commands)
    let replies = (0..<100).map { "$\("\($0)".utf8.count)\r\n\($0)\r\n" }.joined()
    #expect(redis.deliver(replies) == (0..<100).map { .text("\($0)") })
  }

  @Test func keepsWhatTheSocketDoesNotTake() throws {
    let redis = try FakeRedis()
    let payload = [UInt8](repeating: 0x61, count: 4 << 20)
    var command = RedisCommand("ECHO")
    command.arg(payload)
    #expect(redis.codec.append(command))
    let total = redis.codec.pendingBytes
    #expect(redis.codec.flush() == .blocked)
    #expect(redis.codec.pendingBytes > 0 && redis.codec.pendingBytes < total)
    #expect(redis.codec.append(RedisCommand("PING")))
    var received: [UInt8] = []
    while redis.codec.flush() == .blocked { received += redis.receivedBytes() }
    received += redis.receivedBytes()
    let expected =
      Array("*2\r\n$4\r\nECHO\r\n$4194304\r\n".utf8) + payload + Array("\r\n*1\r\n$4\r\nPING\r\n".utf8)
    #expect(received == expected)
  }

  @Test func tellsThatThereIsNothing() throws {
    let redis = try FakeRedis()
    #expect(redis.codec.read { _ in Issue.record("there is no reply") } == .drained)
    try redis.write("$5\r\nhel")
    #expect(redis.codec.read { _ in Issue.record("there is no reply") } == .drained)
  }

  @Test func stopsAtItsLimit() throws {
    let redis = try FakeRedis()
    // Each read takes 16 KiB, so these are five.
    let wire = String(repeating: "+0123456789abc\r\n", count: 5 * 1024)
    try redis.write(wire)
    var count = 0
    #expect(redis.codec.read(limit: 32768) { _ in count += 1 } == .limit)
    #expect(count == 2048)
    #expect(redis.codec.read(limit: 1) { _ in count += 1 } == .limit)
    #expect(count == 3072)
    #expect(redis.codec.read { _ in count += 1 } == .drained)
    #expect(count == 5120)
  }

  @Test func givesRepliesBeforeTheEnd() throws {
    let redis = try FakeRedis()
    try redis.write("+OK\r\n$5\r\nhel")
    redis.hangUp()
    #expect(redis.deliver([]) == [.status("OK")])
    #expect(redis.codec.read { _ in Issue.record("the reply never was complete") } == .closed)
  }

  @Test func failsToWriteToNobody() throws {
    let redis = try FakeRedis()
    redis.hangUp()
    #expect(redis.codec.append(RedisCommand("PING")))
    guard case .failed(let reason) = redis.codec.flush() else {
      Issue.record("nobody can have read it")
      return
    }
    #expect(!reason.isEmpty)
  }

  @Test func closesItsDescriptor() throws {
    let redis = try FakeRedis()
    redis.codec.close()
    #expect(redis.write([1]) == 0, "the other end is gone")
    #expect(!redis.codec.append(RedisCommand("PING")))
    #expect(redis.codec.pendingBytes == 0)
    guard case .failed = redis.codec.flush(), case .failed = redis.codec.read({ _ in }) else {
      Issue.record("a closed codec does nothing")
      return
    }
    redis.codec.close()
  }

  @Test func mayBeClosedFromItsClosure() throws {
    let redis = try FakeRedis()
    try redis.write("$5\r\nfirst\r\n$6\r\nsecond\r\n")
    var seen: [RedisValue] = []
    let result = redis.codec.read { reply in
      redis.codec.close()
      seen.append(RedisValue(reply))
    }
    #expect(seen == [.text("first")])
    #expect(result == .failed("The connection was closed by this side"))
    #expect(redis.write([1]) == 0, "the other end is gone")
  }

  @Test func mayBeWrittenFromItsClosure() throws {
    let redis = try FakeRedis()
    try redis.write("+a\r\n+b\r\n")
    _ = redis.codec.read { reply in
      #expect(redis.codec.append(RedisCommand("ECHO", reply.string)))
      #expect(redis.codec.flush() == .done)
    }
    #expect(redis.received() == "*2\r\n$4\r\nECHO\r\n$1\r\na\r\n*2\r\n$4\r\nECHO\r\n$1\r\nb\r\n")
  }
}
