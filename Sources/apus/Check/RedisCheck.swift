import Broker
import JSON
import Node
import Reactor
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
  /// What this node would take, in bytes.
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

  /// All of it takes no longer.
  private static let limit = Duration.seconds(5)
  private static let pings = 20
  /// A certificate that ends earlier should be renewed.
  private static let fewDays = 14
  /// What a busy node may be behind before Redis closes it, in bytes.
  private static let roomOfSubscribers = 64 << 20
  /// Nodes that are compared with this one.
  private static let comparedNodes = 100

  mutating func run() async -> [Finding] {
    let conversation: RedisConversation
    do {
      conversation = try RedisConversation(
        url, peer: isWatched ? .primary : .redis, security: security, timeout: min(timeout, 5000))
    } catch {
      return [.error("cannot be checked: \(error)")]
    }
    let deadline = Task {
      try await Task.sleep(for: Self.limit)
      conversation.hangUp()
    }
    let findings = await look(conversation)
    deadline.cancel()
    conversation.end()
    return findings
  }

  private mutating func look(_ conversation: RedisConversation) async -> [Finding] {
    if let reason = await conversation.connect() { return [.error("cannot be used: \(reason.printable)")] }
    var findings = [Finding.ok("connected and logged in")]
    if let security = await conversation.security() { findings.append(Self.certificate(security)) }
    let role = await conversation.ask(RedisCommand("ROLE")).answer
    if case .list(let parts) = role, parts.first == .text("sentinel") { return [.error(RedisError.isSentinel)] }
    let replicas = isWatched ? SentinelCheck.replicas(role) : nil
    findings.append(replicas?.finding ?? Self.role(role))
    let server = await conversation.ask(RedisCommand("INFO", "server")).answer
    runID = Self.field("run_id", of: server)
    findings += await [version(server), eviction(conversation), buffer(conversation)]
    if let replicas {
      let least = await conversation.ask(RedisCommand("CONFIG", "GET", "min-replicas-to-write")).answer
      findings.append(SentinelCheck.leastReplicas(least, replicas: replicas.count))
    }
    if await isOfCluster(conversation) { findings.append(.error(RedisError.isOfCluster)) }
    findings += await place(conversation)
    findings += await RedisPermissions(prefix: prefix).check(conversation)
    findings += await otherNodes(conversation)
    findings.append(await roundTrip(conversation))
    return findings
  }

  private static func certificate(_ security: ByteStream.Security) -> Finding {
    let days = (security.certificateEnd - Sys.wallMilliseconds() / 1000) / 86400
    let text = "\(security.version); its certificate ends in \(days) \(days == 1 ? "day" : "days")"
    return days < fewDays ? .warning("\(text): renew it") : .ok(text)
  }

  private static func role(_ answer: RedisAnswer) -> Finding {
    switch answer {
    case .list(let parts) where parts.first == .text("master"): .ok("it is the primary")
    case .refused(let error): .error(error.advice)
    case .lost: .error("no answer to ROLE in time")
    default: .error("this Redis is a replica: Apus needs the primary")
    }
  }

  private func version(_ answer: RedisAnswer) -> Finding {
    guard let version = Self.field("redis_version", of: answer) else {
      return .warning("its version cannot be read (INFO): make sure that it is 6.2 or newer")
    }
    let numbers = version.split(separator: ".").compactMap { Int($0) }
    guard let major = numbers.first, let minor = numbers.dropFirst().first else {
      return .warning("its version is \(version): Apus needs 6.2 or newer")
    }
    return (major, minor) >= (6, 2) ? .ok("version \(version)") : .error("version \(version): Apus needs 6.2 or newer")
  }

  private func isOfCluster(_ conversation: RedisConversation) async -> Bool {
    let answer = await conversation.ask(RedisCommand("INFO", "cluster")).answer
    return Self.field("cluster_enabled", of: answer) == "1"
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

  private func eviction(_ conversation: RedisConversation) async -> Finding {
    let answer = await conversation.ask(RedisCommand("INFO", "memory")).answer
    switch Self.field("maxmemory_policy", of: answer) {
    case "noeviction": return .ok("maxmemory-policy noeviction")
    case .some(let policy):
      return .error(
        "maxmemory-policy \(policy) evicts presence and messages, and nobody is told: "
          + "CONFIG SET maxmemory-policy noeviction, and set it in redis.conf")
    case nil: return .warning("maxmemory-policy cannot be read (INFO): make sure that it is noeviction")
    }
  }

  private func buffer(_ conversation: RedisConversation) async -> Finding {
    let answer = await conversation.ask(RedisCommand("CONFIG", "GET", "client-output-buffer-limit")).answer
    let advice = "client-output-buffer-limit \"pubsub 256mb 64mb 60\" gives a busy node room"
    guard case .list(let parts) = answer, let text = parts.last?.text, let limit = Self.pubsubLimit(text) else {
      return .warning("client-output-buffer-limit cannot be read (CONFIG GET): \(advice)")
    }
    if limit == 0 { return .ok("client-output-buffer-limit pubsub: no limit") }
    let size = "client-output-buffer-limit pubsub is \(limit >> 20) MiB"
    return limit >= Self.roomOfSubscribers ? .ok(size) : .warning("\(size): CONFIG SET \(advice)")
  }

  /// Nodes that take messages of another size: each drops what is larger than it takes itself.
  private func otherNodes(_ conversation: RedisConversation) async -> [Finding] {
    let nodes = RedisCommand("ZRANGE", "\(prefix)nodes", "0", String(Self.comparedNodes - 1))
    guard case .list(let ids) = await conversation.ask(nodes).answer else { return [] }
    var findings: [Finding] = []
    for id in ids.compactMap(\.text) {
      let size = await conversation.ask(RedisCommand("HGET", "\(prefix)node:\(id)", "maxMessageSize")).answer
      guard let size = size.text.flatMap({ Int($0) }), size != maxMessageSize else { continue }
      findings.append(
        .warning(
          "the node \(id.printable) accepts messages up to \(size) bytes, this node up to \(maxMessageSize): "
            + "set --max-message-size to the same value on all nodes, because each drops larger messages"))
    }
    return findings
  }

  private func roundTrip(_ conversation: RedisConversation) async -> Finding {
    var times: [Duration] = []
    for _ in 0..<Self.pings {
      // A user may lack PING; the way to Redis and back is the same.
      let (answer, time) = await conversation.ask(RedisCommand("PING"))
      if answer == .lost { return .error("no answer to PING in time: the round trip is too long, or Redis is busy") }
      times.append(time)
    }
    times.sort()
    let longest = times.last ?? .zero
    return .ok(
      "round trip \(Self.milliseconds(times[times.count / 2])) median, \(Self.milliseconds(longest)) maximum")
  }

  // MARK: Reading answers

  /// A field of an INFO section.
  static func field(_ name: String, of answer: RedisAnswer) -> String? {
    answer.text?.split(whereSeparator: \.isNewline).first { $0.hasPrefix(name + ":") }
      .map { String($0.dropFirst(name.count + 1)) }
  }

  /// The hard limit of subscribers, in bytes, from "normal 0 0 0 slave 1 1 60 pubsub 33554432 8388608 60".
  static func pubsubLimit(_ text: String) -> Int? {
    let words = text.split(separator: " ")
    return words.firstIndex(of: "pubsub").flatMap { words.dropFirst($0 + 1).first }.flatMap { Int($0) }
  }

  private static func milliseconds(_ time: Duration) -> String {
    let micros = Int(time.components.attoseconds / 1_000_000_000_000) + Int(time.components.seconds) * 1_000_000
    return "\(micros / 1000).\(String(micros % 1000 + 1000).dropFirst()) ms"
  }
}
