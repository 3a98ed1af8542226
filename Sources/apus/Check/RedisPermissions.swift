import Redis

/// Whether the Redis user may run what a node runs, on the keys and channels it does that on.
struct RedisPermissions {
  private let prefix: String
  private let name: String
  private let isCluster: Bool
  private static let elsewhere: Set<RedisError.Code> = [.moved, .ask, .tryAgain, .clusterDown]

  /// `partition` is one of a Cluster, at best one that the server has.
  init(prefix: String, partition: Int? = nil) {
    self.prefix = prefix
    isCluster = partition != nil
    let own = partition.map { PartitionTags.prefix(prefix, ofPartition: $0) } ?? prefix
    name = own + "check:" + String(UInt64.random(in: .min ... .max), radix: 36)
  }

  /// Tries each command and takes its keys away again.
  func check(_ conversation: RedisConversation) async -> [Finding] {
    var findings: [Finding] = []
    var forbidden: [String] = []
    for words in commands {
      guard let first = words.first else { continue }
      var command = RedisCommand(first)
      for word in words.dropFirst() { command.arg(word) }
      let name = first == "CLUSTER" ? words.joined(separator: "|") : first
      switch await conversation.ask(command).answer {
      case .refused(let error) where error.code == .noPermission: forbidden.append(name)
      // A server of a Cluster looks at permissions before it looks at who has the slot.
      case .refused(let error) where isCluster && Self.elsewhere.contains(error.code): break
      case .refused(let error):
        let peer = isCluster ? LinkPeer.clusterServer : .redis
        findings.append(.error("\(name): \(peer.advice(on: error))"))
      case .lost: return findings + [.error("\(name): no answer in time")]
      case .text, .integer, .list, .nothing: break
      }
    }
    if !forbidden.isEmpty {
      let needed = forbidden.map { "+" + $0.lowercased() }.joined(separator: " ")
      findings.append(
        .error(
          "the Redis user may not run \(forbidden.joined(separator: ", ")) (NOPERM).\n"
            + "It needs \(needed) ~\(prefix)* &\(prefix)*: see ACL SETUSER."))
    }
    return findings.isEmpty ? [.ok("may run every command a node runs, on \(prefix)*")] : findings
  }

  /// Each with its arguments; those that every connection begins with are run by then.
  var commands: [[String]] {
    let (hash, set, sorted, text, stream) = (name + ":h", name + ":s", name + ":z", name + ":t", name + ":x")
    return [
      ["SCRIPT", "LOAD", "return 1"],
      // The digest of `return 1`.
      ["EVALSHA", "e0e1f9fabfc9d4800c877a703b823ac0578ff8db", "1", hash],
      ["INFO", "server"], ["TIME"], ["SET", text, "1", "PX", "5000"], ["GET", text], ["EXISTS", text],
      ["HSET", hash, "a", "1"], ["PEXPIRE", hash, "5000"], ["HGET", hash, "a"], ["HMGET", hash, "a"],
      ["HVALS", hash], ["HLEN", hash], ["HSCAN", hash, "0"],
      ["HINCRBY", hash, "a", "1"], ["HDEL", hash, "a"],
      ["SADD", set, "a"], ["SMEMBERS", set], ["SREM", set, "a"],
      ["ZADD", sorted, "1", "a"], ["ZCARD", sorted], ["ZRANGEBYSCORE", sorted, "-inf", "1"],
      ["ZREM", sorted, "a"],
      ["XADD", stream, "*", "a", "1"], ["PEXPIRE", stream, "5000"],
      ["XLEN", stream], ["XRANGE", stream, "-", "+"], ["XREVRANGE", stream, "+", "-"],
    ] + (isCluster ? clusterCommands : pubsubCommands) + [["DEL", hash, set, sorted, text, stream]]
  }

  private var pubsubCommands: [[String]] {
    [["PUBLISH", name, "check"], ["SUBSCRIBE", name], ["UNSUBSCRIBE", name]]
  }

  private var clusterCommands: [[String]] {
    [
      ["CLUSTER", "SLOTS"], ["CLUSTER", "INFO"],
      ["SPUBLISH", name, "check"], ["SSUBSCRIBE", name], ["PING", "1"], ["SUNSUBSCRIBE", name],
    ]
  }
}
