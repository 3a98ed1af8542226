import JSON
import Node
import Redis
import TLS

/// Tries at one server of a Cluster what a node needs there, and leaves nothing behind.
struct ClusterServerCheck: Sendable {
  /// The result.
  struct Report: Sendable {
    let server: RedisURL
    var findings: [Finding] = []
    /// Why it cannot be talked to at all; nil where it can.
    var failure: String?
    /// The owners of slots, as it knows them.
    var slots: ClusterSlots?
    var state: ClusterState?
  }

  let server: RedisURL
  let security: TLSContext?
  let prefix: String
  /// Milliseconds for one answer.
  let timeout: Int64
  /// The largest message that this node would take, in bytes.
  let maxMessageSize: Int

  init(_ server: RedisURL, _ configuration: NodeConfiguration, security: TLSContext?) {
    self.server = server
    self.security = security
    prefix = configuration.redisPrefix
    timeout = configuration.redisTimeout
    maxMessageSize = configuration.maxMessageSize
  }

  func run() async -> Report {
    var report = Report(server: server)
    report.findings = await ServerFindings.gather {
      try RedisConversation(server, peer: .clusterServer, security: security, timeout: min(timeout, 5000))
    } failure: {
      report.failure = $0
      return []
    } _: {
      await look($0, &report)
    }
    return report
  }

  private func look(_ found: ServerFindings, _ report: inout Report) async -> [Finding] {
    let conversation = found.conversation
    let role = await conversation.ask(RedisCommand("ROLE")).answer
    if case .list(let parts) = role, parts.first == .text("sentinel") { return [.error(RedisError.isSentinel)] }
    let kind = await conversation.ask(RedisCommand("INFO", "cluster")).answer
    if ServerFindings.field("cluster_enabled", of: kind) == "0" { return [.error(RedisError.isNotOfCluster)] }
    let server = await conversation.ask(RedisCommand("INFO", "server")).answer
    let state = await conversation.ask(RedisCommand("CLUSTER", "INFO")).answer
    report.state = state.text.flatMap { ClusterState($0) }
    let coverage = await conversation.ask(RedisCommand("CONFIG", "GET", "cluster-require-full-coverage")).answer
    var findings =
      await Self.role(role) + [
        ServerFindings.version(server, least: (7, 0)), Self.state(state), Self.coverage(coverage), found.eviction(),
        found.buffer(),
      ]
    switch await conversation.clusterSlots(at: self.server) {
    case .success(let slots): report.slots = slots
    case .failure(let failure): findings.append(.error(failure.description))
    }
    let partition = await partition(conversation, report.slots)
    findings += await RedisPermissions(prefix: prefix, partition: partition).check(conversation)
    findings += await found.otherNodes(
      prefix: PartitionTags.prefix(prefix, ofPartition: partition), maxMessageSize: maxMessageSize)
    findings.append(await found.roundTrip())
    return findings
  }

  private static func role(_ answer: RedisAnswer) -> [Finding] {
    switch answer {
    case .list(let parts) where parts.first == .text("master"): [.ok("it is a primary")]
    case .list: [.ok("it is a replica")]
    case .refused(let error): [.error(LinkPeer.clusterServer.advice(on: error))]
    case .lost: [.error("no answer to ROLE in time")]
    case .text, .integer, .nothing: []
    }
  }

  /// `answer` is that to CLUSTER INFO.
  static func state(_ answer: RedisAnswer) -> Finding {
    switch answer {
    case .lost: return .error("no answer to CLUSTER INFO in time")
    // A permission that it lacks is told with the others.
    case .text, .integer, .list, .nothing, .refused:
      guard let state = answer.text.flatMap({ ClusterState($0) }) else {
        return .warning("cluster_state cannot be read (CLUSTER INFO)")
      }
      return state.isOK
        ? .ok("cluster_state ok") : .error("cluster_state fail: slots have no owner, or most primaries are away")
    }
  }

  /// `answer` is that to CONFIG GET.
  static func coverage(_ answer: RedisAnswer) -> Finding {
    let setting = "cluster-require-full-coverage"
    switch ServerFindings.setting(answer) {
    case "no": return .ok("\(setting) is no")
    case .some(let value):
      return .warning(
        "\(setting) is \(value.printable): one slot without an owner stops all partitions; "
          + "CONFIG SET \(setting) no, and set it in redis.conf")
    case nil: return .warning("\(setting) cannot be read (CONFIG GET): make sure that it is no")
    }
  }

  /// A partition that lives there, or the first one where none does.
  private func partition(_ conversation: RedisConversation, _ slots: ClusterSlots?) async -> Int {
    for primary in slots?.primaries ?? [] {
      guard let partition = slots?.partitions(of: primary).first else { continue }
      // By what address the others know it does not count: another server than the owner refuses.
      let key = PartitionTags.prefix(prefix, ofPartition: partition) + "check"
      if case .integer = await conversation.ask(RedisCommand("EXISTS", key)).answer { return partition }
    }
    return 0
  }
}

extension ClusterSlots {
  /// The partitions that a server has.
  func partitions(of server: Server) -> [Int] {
    (0..<PartitionTags.count).filter { owner(ofSlot: PartitionTags.slot(ofPartition: $0)) == server }
  }
}
