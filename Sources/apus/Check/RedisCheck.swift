import Broker
import JSON
import Node
import Redis
import TLS

/// Tries at a Redis what a node needs there, and leaves nothing behind.
struct RedisCheck {
  let url: RedisURL
  /// Whether Sentinels have named it.
  let isWatched: Bool
  let security: TLSContext?
  let prefix: String
  /// Milliseconds for one answer.
  let timeout: Int64
  /// The largest message that this node would take, in bytes.
  let maxMessageSize: Int
  /// Which of how many Redis it is.
  let layout: Layout
  /// The servers of those before it in the list, by `run_id`, and what they are called.
  let others: [String: String]
  /// The server's, once it was asked.
  private(set) var runID: String?

  /// A check of the server at `url`, which is that of a place in the configuration's list.
  init(
    _ index: Int, of configuration: NodeConfiguration, at url: RedisURL, isWatched: Bool = false, security: TLSContext?,
    others: [String: String]
  ) {
    self.url = url
    self.isWatched = isWatched
    self.security = security
    prefix = configuration.redisPrefix
    timeout = configuration.redisTimeout
    maxMessageSize = configuration.maxMessageSize
    layout = Layout(index, of: configuration.redis)
    self.others = others
  }

  mutating func run() async -> [Finding] {
    let peer = isWatched ? LinkPeer.primary : .redis
    return await ServerFindings.gather {
      try RedisConversation(url, peer: peer, security: security, timeout: min(timeout, 5000))
    } failure: {
      [.error($0)]
    } _: {
      await look($0)
    }
  }

  private mutating func look(_ found: ServerFindings) async -> [Finding] {
    let conversation = found.conversation
    let role = await conversation.ask(RedisCommand("ROLE")).answer
    if case .list(let parts) = role, parts.first == .text("sentinel") { return [.error(RedisError.isSentinel)] }
    if await isOfCluster(conversation) { return [.error(RedisError.isOfCluster)] }
    let replicas = isWatched ? SentinelCheck.replicas(role) : nil
    let server = await conversation.ask(RedisCommand("INFO", "server")).answer
    runID = ServerFindings.field("run_id", of: server)
    var findings = await [
      replicas?.finding ?? Self.role(role), ServerFindings.version(server, least: (6, 2)), found.eviction(),
      found.buffer(),
    ]
    if let replicas {
      let least = await conversation.ask(RedisCommand("CONFIG", "GET", "min-replicas-to-write")).answer
      findings.append(SentinelCheck.leastReplicas(least, replicas: replicas.count))
    }
    findings += await place(conversation)
    findings += await RedisPermissions(prefix: prefix).check(conversation)
    findings += await found.otherNodes(prefix: prefix, maxMessageSize: maxMessageSize)
    findings.append(await found.roundTrip())
    return findings
  }

  private static func role(_ answer: RedisAnswer) -> Finding {
    switch answer {
    case .list(let parts) where parts.first == .text("master"): .ok("it is the primary")
    case .refused(let error): .error(error.advice)
    case .lost: .error("no answer to ROLE in time")
    default: .error("this Redis is a replica: Apus needs the primary")
    }
  }

  private func isOfCluster(_ conversation: RedisConversation) async -> Bool {
    let answer = await conversation.ask(RedisCommand("INFO", "cluster")).answer
    return ServerFindings.field("cluster_enabled", of: answer) == "1"
  }

  /// What is wrong with its place in the list: it stands there twice, or other nodes have another list.
  private func place(_ conversation: RedisConversation) async -> [Finding] {
    if let other = runID.flatMap({ others[$0] }) {
      return [.error("it is the same server as \(other): each Redis stands in the list once")]
    }
    let used = await conversation.ask(RedisCommand("GET", RedisKeys(prefix: prefix).layout)).answer.text
    guard let used, used != layout.text else { return [] }
    return [.error(layout.refusal(used.printable))]
  }
}
