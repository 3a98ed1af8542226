import Cluster
import Glibc
import Reactor
import Redis

@testable import Broker

/// Runs scripts by themselves and lends the answers as Redis gave them, those that are no text too.
final class ScriptCaller {
  /// Milliseconds an answer may take.
  private static let limit: Int32 = 30_000

  private let fd: Int32
  private let codec: RedisCodec

  init(_ redis: RedisProcess) throws {
    guard let address = SocketAddress(unixPath: redis.socket) else { throw Failure("bad path") }
    fd = try Sys.connect(to: address)
    guard let codec = RedisCodec(fd: fd) else {
      Sys.close(fd)
      throw Failure("no memory")
    }
    self.codec = codec
  }

  /// `source` runs instead of the script's own.
  func run<Result>(
    _ call: ScriptCall, source: String? = nil, _ read: (RedisReplyView) -> Result
  ) throws -> Result {
    var command = RedisCommand("EVAL")
    command.arg(source.map { Array($0.utf8) } ?? call.script.source)
    command.arg(call.keys.count)
    for key in call.keys { command.arg(key) }
    for argument in call.arguments {
      switch argument {
      case .text(let text): command.arg(text)
      case .bytes(let bytes): command.arg(bytes)
      }
    }
    return try send(command, read)
  }

  /// Runs a script of the test's own, without keys and arguments.
  func run<Result>(_ source: String, _ read: (RedisReplyView) -> Result) throws -> Result {
    try send(RedisCommand("EVAL", source, "0"), read)
  }

  private func send<Result>(_ command: RedisCommand, _ read: (RedisReplyView) -> Result) throws -> Result {
    guard codec.append(command) else { throw Failure("Redis takes nothing") }
    var result: Result?
    var error: RedisError?
    var pending = true
    while result == nil, error == nil {
      if pending {
        switch codec.flush() {
        case .done: pending = false
        case .blocked: break
        case .failed(let reason): throw Failure(reason)
        }
      }
      var interest = pollfd(fd: fd, events: Int16(pending ? POLLIN | POLLOUT : POLLIN), revents: 0)
      guard poll(&interest, 1, Self.limit) > 0 else { throw Failure("Redis is silent") }
      let end = codec.read { reply in
        error = reply.error
        result = read(reply)
      }
      switch end {
      case .drained, .limit: break
      case .closed: throw Failure("Redis closed the connection")
      case .failed(let reason): throw Failure(reason)
      }
    }
    if let error { throw Failure(error.message) }
    guard let result else { throw Failure("no answer") }
    return result
  }
}
