import Cluster
import Redis

/// A plain client that waits for its answers: how a test looks into Redis, and what it does there itself.
final class RedisProbe {
  private let connection: WaitingConnection
  private var replies: [RedisAnswer] = []

  init(_ socket: String) throws {
    connection = try WaitingConnection(socket)
  }

  /// Runs a command and waits for its answer.
  func call(_ words: String...) throws -> RedisAnswer { try call(words) }

  func call(_ words: [String]) throws -> RedisAnswer {
    try send(words.map { Array($0.utf8) })
    return try receive()
  }

  /// Writes a command without waiting for anything.
  func send(_ words: [[UInt8]]) throws {
    var command: RedisCommand?
    for word in words {
      if command == nil { command = RedisCommand(String(decoding: word, as: UTF8.self)) } else { command?.arg(word) }
    }
    guard let command else { throw Failure("no command") }
    try connection.send(command)
  }

  func send(_ words: String...) throws {
    try send(words.map { Array($0.utf8) })
  }

  /// The next answer, or the next message of a subscription.
  func receive() throws -> RedisAnswer {
    while replies.isEmpty { try connection.read { replies.append(RedisAnswer($0)) } }
    return replies.removeFirst()
  }
}

extension RedisProcess {
  /// A client for several commands.
  func connect() throws -> RedisProbe { try RedisProbe(socket) }

  /// Runs one command on a connection of its own.
  @discardableResult
  func call(_ words: String...) throws -> RedisAnswer {
    let probe = try connect()
    try probe.send(words.map { Array($0.utf8) })
    return try probe.receive()
  }

  /// The elements of the answer as text: a set's members, a hash's fields and values.
  func list(_ words: String...) throws -> [String] {
    let probe = try connect()
    try probe.send(words.map { Array($0.utf8) })
    return try probe.receive().elements.map(\.text)
  }

  func hash(_ key: String) throws -> [String: String] {
    let list = try list("HGETALL", key)
    return Dictionary(
      uniqueKeysWithValues: stride(from: 0, to: list.count - 1, by: 2).map { (list[$0], list[$0 + 1]) })
  }
}
