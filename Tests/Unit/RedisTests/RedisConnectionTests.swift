import Redis
import TLS
import Testing

/// What a connection does with its socket.
struct RedisConnectionTests {
  @Test func encodesCommandsExactly() throws {
    let redis = try FakeRedis()
    var command = RedisCommand("SET", "ключ")
    command.arg([0, 13, 10, 255])
    command.arg(-42)
    command.arg("")
    #expect(redis.connection.append(command))
    let expected =
      Array("*5\r\n$3\r\nSET\r\n$8\r\nключ\r\n$4\r\n".utf8) + [0, 13, 10, 255]
      + Array("\r\n$3\r\n-42\r\n$0\r\n\r\n".utf8)
    #expect(redis.connection.pendingBytes == expected.count)
    #expect(redis.receivedBytes().isEmpty, "nothing leaves before flush")
    #expect(redis.connection.flush() == .done)
    #expect(redis.connection.pendingBytes == 0)
    #expect(redis.receivedBytes() == expected)
    #expect(redis.connection.flush() == .done, "there is nothing to do")
  }

  @Test func encodesTwoArgumentsFromTheirBytes() throws {
    let redis = try FakeRedis()
    Array("ch".utf8).withUnsafeBytes { channel in
      [UInt8]([1, 0, 2]).withUnsafeBytes { payload in
        #expect(redis.connection.append("PUBLISH", channel, payload))
        #expect(redis.connection.append("PUBLISH", channel, UnsafeRawBufferPointer(start: nil, count: 0)))
      }
    }
    #expect(redis.connection.flush() == .done)
    #expect(
      redis.received()
        == "*3\r\n$7\r\nPUBLISH\r\n$2\r\nch\r\n$3\r\n\u{1}\0\u{2}\r\n*3\r\n$7\r\nPUBLISH\r\n$2\r\nch\r\n$0\r\n\r\n")
  }

  @Test func encodesLongCommands() throws {
    let redis = try FakeRedis()
    var command = RedisCommand("SUBSCRIBE")
    for number in 0..<512 { command.arg("apus:ch:\(number)") }
    #expect(redis.connection.append(command))
    #expect(redis.connection.flush() == .done)
    let names = (0..<512).map { "apus:ch:\($0)" }.map { "$\($0.utf8.count)\r\n\($0)\r\n" }.joined()
    #expect(redis.received() == "*513\r\n$9\r\nSUBSCRIBE\r\n" + names)
  }

  @Test func pipelines() throws {
    let redis = try FakeRedis()
    for number in 0..<100 { #expect(redis.connection.append(RedisCommand("ECHO", "\(number)"))) }
    #expect(redis.connection.flush() == .done)
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
    #expect(redis.connection.append(command))
    let total = redis.connection.pendingBytes
    #expect(redis.connection.flush() == .blocked)
    #expect(redis.connection.pendingBytes > 0 && redis.connection.pendingBytes < total)
    #expect(redis.connection.append(RedisCommand("PING")))
    var received: [UInt8] = []
    while redis.connection.flush() == .blocked { received += redis.receivedBytes() }
    received += redis.receivedBytes()
    let expected =
      Array("*2\r\n$4\r\nECHO\r\n$4194304\r\n".utf8) + payload + Array("\r\n*1\r\n$4\r\nPING\r\n".utf8)
    #expect(received == expected)
  }

  @Test func tellsThatThereIsNothing() throws {
    let redis = try FakeRedis()
    #expect(redis.read { _ in Issue.record("there is no reply") } == .drained)
    try redis.write("$5\r\nhel")
    #expect(redis.read { _ in Issue.record("there is no reply") } == .drained)
  }

  @Test func stopsAtItsLimit() throws {
    let redis = try FakeRedis()
    // Each read takes 16 KiB, so these are five.
    let wire = String(repeating: "+0123456789abc\r\n", count: 5 * 1024)
    try redis.write(wire)
    var count = 0
    #expect(redis.read(limit: 32768) { _ in count += 1 } == .limit)
    #expect(count == 2048)
    #expect(redis.read(limit: 1) { _ in count += 1 } == .limit)
    #expect(count == 3072)
    #expect(redis.read { _ in count += 1 } == .drained)
    #expect(count == 5120)
  }

  @Test func givesRepliesBeforeTheEnd() throws {
    let redis = try FakeRedis()
    try redis.write("+OK\r\n$5\r\nhel")
    redis.hangUp()
    #expect(redis.deliver([]) == [.status("OK")])
    #expect(redis.read { _ in Issue.record("the reply never was complete") } == .closed)
  }

  @Test func failsToWriteToNobody() throws {
    let redis = try FakeRedis()
    redis.hangUp()
    #expect(redis.connection.append(RedisCommand("PING")))
    guard case .failed(let failure) = redis.connection.flush() else {
      Issue.record("nobody can have read it")
      return
    }
    #expect(!failure.reason.isEmpty)
  }

  @Test func closesItsDescriptor() throws {
    let redis = try FakeRedis()
    redis.connection.close()
    #expect(redis.write([1]) == 0, "the other end is gone")
    #expect(!redis.connection.append(RedisCommand("PING")))
    #expect(redis.connection.pendingBytes == 0)
    guard case .failed = redis.connection.flush(), case .failed = redis.read({ _ in }) else {
      Issue.record("a closed connection does nothing")
      return
    }
    redis.connection.close()
  }

  @Test func mayBeClosedFromItsClosure() throws {
    let redis = try FakeRedis()
    try redis.write("$5\r\nfirst\r\n$6\r\nsecond\r\n")
    var seen: [RedisValue] = []
    let result = redis.read { reply in
      redis.connection.close()
      seen.append(RedisValue(reply))
    }
    #expect(seen == [.text("first")])
    #expect(result == .failed(StreamFailure(reason: "The connection was closed by this side")))
    #expect(redis.write([1]) == 0, "the other end is gone")
  }

  @Test func mayBeWrittenFromItsClosure() throws {
    let redis = try FakeRedis()
    try redis.write("+a\r\n+b\r\n")
    _ = redis.read { reply in
      #expect(redis.connection.append(RedisCommand("ECHO", reply.string)))
      #expect(redis.connection.flush() == .done)
    }
    #expect(redis.received() == "*2\r\n$4\r\nECHO\r\n$1\r\na\r\n*2\r\n$4\r\nECHO\r\n$1\r\nb\r\n")
  }
}
