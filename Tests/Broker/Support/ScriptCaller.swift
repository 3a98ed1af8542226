import Redis

@testable import Broker

/// Runs scripts by themselves and lends the answers as Redis gave them, those that are no text too.
final class ScriptCaller {
  private let connection: WaitingConnection

  init(_ redis: RedisProcess) throws {
    connection = try WaitingConnection(redis.socket)
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
    try connection.send(command)
    var result: Result?
    var error: RedisError?
    while result == nil, error == nil {
      try connection.read { reply in
        error = reply.error
        result = read(reply)
      }
    }
    if let error { throw Failure(error.message) }
    guard let result else { throw Failure("no answer") }
    return result
  }
}
