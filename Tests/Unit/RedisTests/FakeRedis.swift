import Glibc
import Redis
import TLS
import Testing

/// The other end of a connection's socket, where a test plays Redis, byte by byte. Nothing here ever waits.
final class FakeRedis {
  let connection: RedisConnection
  /// What reads go through: as much as a link gives them.
  private let room = UnsafeMutableRawBufferPointer.allocate(byteCount: ByteStream.leastRoom, alignment: 16)
  private var fd: Int32

  init(maxReply: Int = RedisCodec.maxReply) throws {
    // A write to a closed peer must be an error, as it is in the server.
    signal(SIGPIPE, SIG_IGN)
    var ends: [Int32] = [0, 0]
    try #require(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue), 0, &ends) == 0)
    fd = ends[0]
    connection = try #require(RedisConnection(ByteStream(fd: ends[1]), maxReply: maxReply))
  }

  deinit {
    hangUp()
    room.deallocate()
  }

  func read(limit: Int = 262_144, _ body: (RedisReplyView) -> Void) -> RedisConnection.ReadResult {
    connection.read(limit: limit, by: room, body)
  }

  /// Closes this end.
  func hangUp() {
    if fd >= 0 { close(fd) }
    fd = -1
  }

  /// Writes as much as the socket takes; gives back how many bytes that was.
  func write(_ bytes: ArraySlice<UInt8>) -> Int {
    bytes.withUnsafeBytes { max(0, Glibc.write(fd, $0.baseAddress, $0.count)) }
  }

  /// Writes everything, which must fit into the socket.
  func write(_ text: String) throws {
    try #require(write(Array(text.utf8)[...]) == text.utf8.count)
  }

  /// Everything that has arrived, as text.
  func received() -> String {
    String(decoding: receivedBytes(), as: UTF8.self)
  }

  func receivedBytes() -> [UInt8] {
    var all: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 65536)
    while true {
      let count = chunk.withUnsafeMutableBytes { Glibc.read(fd, $0.baseAddress, $0.count) }
      guard count > 0 else { return all }
      all += chunk[..<count]
    }
  }

  /// Writes all the bytes, however many, letting the connection read in between; gives back the replies.
  func deliver(_ bytes: [UInt8]) -> [RedisValue] {
    var replies: [RedisValue] = []
    var rest = bytes[...]
    while !rest.isEmpty {
      rest = rest.dropFirst(write(rest))
      guard case .drained = read({ replies.append(RedisValue($0)) }) else { break }
    }
    // A read that found less than it asked for has stopped; this one finds what came after it.
    _ = read { replies.append(RedisValue($0)) }
    return replies
  }

  func deliver(_ text: String) -> [RedisValue] {
    deliver(Array(text.utf8))
  }

  /// Writes bytes that are no reply; gives back the connection's complaint and the replies before it.
  func complaint(about bytes: [UInt8]) -> (reason: String?, before: [RedisValue]) {
    var replies: [RedisValue] = []
    var rest = bytes[...]
    while true {
      rest = rest.dropFirst(write(rest))
      switch read({ replies.append(RedisValue($0)) }) {
      case .failed(let failure): return (failure.reason, replies)
      case .closed: return (nil, replies)
      case .drained, .limit: if rest.isEmpty { return (nil, replies) }
      }
    }
  }
}

extension RedisValue {
  /// A string of that text.
  static func text(_ text: String) -> RedisValue { .string(Array(text.utf8)) }
}
