import JSON
import Reactor
import Redis
import TLS

/// The findings at any server, whatever it is used as.
struct ServerFindings {
  /// All that is asked of one server takes no longer.
  private static let limit = Duration.seconds(5)
  private static let pings = 20
  /// A certificate that ends earlier should be renewed.
  private static let fewDays = 14
  /// How far a busy node may be behind before Redis closes it, in bytes.
  private static let roomOfSubscribers = 64 << 20
  /// Nodes that are compared with this one.
  private static let comparedNodes = 100

  let conversation: RedisConversation

  /// Talks to a server for a limited time; `failure` is told why that is not possible.
  static func gather(
    by conversation: () throws -> RedisConversation, failure: (String) -> [Finding],
    _ look: (ServerFindings) async -> [Finding]
  ) async -> [Finding] {
    let talk: RedisConversation
    do {
      talk = try conversation()
    } catch {
      return failure("cannot be checked: \(error)")
    }
    let deadline = Task {
      try await Task.sleep(for: Self.limit)
      talk.hangUp()
    }
    defer {
      deadline.cancel()
      talk.end()
    }
    if let reason = await talk.connect() { return failure("cannot be used: \(reason.printable)") }
    let findings = ServerFindings(conversation: talk)
    return await [.ok("connected and logged in")] + findings.certificate() + look(findings)
  }

  private func certificate() async -> [Finding] {
    guard let security = await conversation.security() else { return [] }
    let days = (security.certificateEnd - Sys.wallMilliseconds() / 1000) / 86400
    let text = "\(security.version); its certificate ends in \(days) \(days == 1 ? "day" : "days")"
    return [days < Self.fewDays ? .warning("\(text): renew it") : .ok(text)]
  }

  /// From the section `server` of INFO.
  static func version(_ answer: RedisAnswer, least: (major: Int, minor: Int)) -> Finding {
    let needed = "Apus needs \(least.major).\(least.minor) or newer"
    guard let version = field("redis_version", of: answer) else {
      return .warning("its version cannot be read (INFO): \(needed)")
    }
    // The version of Redis is then the one that Valkey is compatible with.
    let valkey = field("valkey_version", of: answer).map { " (Valkey \($0.printable))" } ?? ""
    let text = "version \(version.printable)\(valkey)"
    let numbers = version.split(separator: ".").compactMap { Int($0) }
    guard let major = numbers.first, let minor = numbers.dropFirst().first else {
      return .warning("\(text): \(needed)")
    }
    return (major, minor) >= least ? .ok(text) : .error("\(text): \(needed)")
  }

  func eviction() async -> Finding {
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

  func buffer() async -> Finding {
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
  func otherNodes(prefix: String, maxMessageSize: Int) async -> [Finding] {
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

  func roundTrip() async -> Finding {
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
    answer.text.flatMap { InfoText.field(name, of: $0) }
  }

  /// The hard limit of subscribers, in bytes, from "normal 0 0 0 slave 1 1 60 pubsub 33554432 8388608 60".
  static func pubsubLimit(_ text: String) -> Int? {
    let words = text.split(separator: " ")
    return words.firstIndex(of: "pubsub").flatMap { words.dropFirst($0 + 1).first }.flatMap { Int($0) }
  }

  /// The value of a setting in the answer to CONFIG GET; nil where it cannot be read.
  static func setting(_ answer: RedisAnswer) -> String? {
    guard case .list(let parts) = answer, parts.count == 2 else { return nil }
    return parts[1].text
  }

  private static func milliseconds(_ time: Duration) -> String {
    let micros = Int(time.components.attoseconds / 1_000_000_000_000) + Int(time.components.seconds) * 1_000_000
    return "\(micros / 1000).\(String(micros % 1000 + 1000).dropFirst()) ms"
  }
}
