import Glibc
import Reactor
import Redis
import TLS

/// A connection to the Redis of a test that waits until what it sends is sent and what it reads is there.
final class WaitingConnection {
  /// Milliseconds an answer may take.
  private static let limit: Int32 = 30_000

  private let connection: RedisConnection
  private let room = UnsafeMutableRawBufferPointer.allocate(byteCount: ByteStream.leastRoom, alignment: 16)

  init(_ socket: String) throws {
    guard let address = SocketAddress(unixPath: socket) else { throw Failure("bad path") }
    guard let connection = RedisConnection(ByteStream(fd: try Sys.connect(to: address))) else {
      throw Failure("no memory")
    }
    self.connection = connection
  }

  deinit {
    room.deallocate()
  }

  /// Answers that come meanwhile wait in the socket.
  func send(_ command: RedisCommand) throws {
    guard connection.append(command) else { throw Failure("Redis takes nothing") }
    while true {
      switch connection.flush() {
      case .done: return
      case .blocked: try wait(for: POLLOUT)
      case .failed(let failure): throw Failure(failure.reason)
      }
    }
  }

  /// Waits for something to read, and gives the replies that are complete by then.
  func read(_ body: (RedisReplyView) -> Void) throws {
    try wait(for: POLLIN)
    switch connection.read(by: room, body) {
    case .drained, .limit: break
    case .closed: throw Failure("Redis closed the connection")
    case .failed(let failure): throw Failure(failure.reason)
    }
  }

  private func wait(for events: Int32) throws {
    var interest = pollfd(fd: connection.stream.fd, events: Int16(events), revents: 0)
    guard poll(&interest, 1, Self.limit) > 0 else { throw Failure("Redis is silent") }
  }
}
