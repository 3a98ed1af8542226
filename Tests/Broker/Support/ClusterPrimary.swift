import Redis
import Testing

/// A primary of a Redis Cluster of a test. Tests ask it by its socket; nodes, and the other primaries, by TCP.
struct ClusterPrimary: Sendable {
  /// Milliseconds without a word after which a server counts as failed.
  private static let nodeTimeout = "2000"
  private static let slots = 16_384

  let redis: RedisProcess
  let port: UInt16
  private let bus: UInt16

  /// One that does not run yet; `options` are added to its command line.
  init(options: [String] = []) throws {
    (port, bus) = (try FreePorts.next(), try FreePorts.next())
    let own = [
      "--bind", "127.0.0.1", "--port", "\(port)", "--cluster-enabled", "yes", "--cluster-port", "\(bus)",
      "--cluster-node-timeout", Self.nodeTimeout, "--cluster-require-full-coverage", "no",
    ]
    redis = try RedisProcess(options: own + options)
  }

  /// What the others know it by.
  func id() throws -> String { try redis.call("CLUSTER", "MYID").text }

  /// Shares the slots evenly among primaries that run, and makes a Cluster of them; returns when all have agreed.
  static func join(_ primaries: [ClusterPrimary]) async throws {
    for (index, primary) in primaries.enumerated() {
      let (first, end) = (slots * index / primaries.count, slots * (index + 1) / primaries.count)
      try primary.order("CLUSTER", "ADDSLOTSRANGE", "\(first)", "\(end - 1)")
      // Otherwise all have the same, and sort that out among themselves later.
      try primary.order("CLUSTER", "SET-CONFIG-EPOCH", "\(index + 1)")
    }
    for primary in primaries {
      for other in primaries where other.port != primary.port {
        try primary.order("CLUSTER", "MEET", "127.0.0.1", "\(other.port)", "\(other.bus)")
      }
    }
    let ids = Set(try primaries.map { try $0.id() })
    for primary in primaries {
      try await wait(
        until: { try primary.isJoined(to: ids) }, "no Cluster: \(try primary.redis.call("CLUSTER", "NODES").text)")
    }
  }

  /// Whether it knows exactly these servers, and an owner of each slot.
  private func isJoined(to ids: Set<String>) throws -> Bool {
    let state = try redis.call("CLUSTER", "INFO").text.split(whereSeparator: \.isNewline)
    guard state.contains("cluster_state:ok"), state.contains("cluster_slots_ok:\(Self.slots)") else { return false }
    let lines = try redis.call("CLUSTER", "NODES").text.split(whereSeparator: \.isNewline)
    let rows = lines.map { $0.split(separator: " ") }
    // Until a handshake is done the name is made up.
    return Set(rows.compactMap { $0.first.map(String.init) }) == ids
      && rows.allSatisfy { $0.count > 7 && $0[7] == "connected" && !$0[2].contains("fail") }
  }

  /// Runs a command that must be answered with OK.
  func order(_ words: String...) throws {
    let answer = try redis.connect().call(words)
    guard answer.text == "OK" else {
      throw Failure("\(words.joined(separator: " ")): \(answer.error?.message ?? answer.text)")
    }
  }
}
