import Redis

/// The move of a slot from primary to primary, key by key, as redis-cli does it; a test may stop anywhere between `begin`
/// and `finish`.
struct SlotMove {
  let slot: Int
  let source: ClusterPrimary
  let target: ClusterPrimary

  /// Both know of it, and nothing has gone yet.
  func begin() throws {
    try target.order("CLUSTER", "SETSLOT", "\(slot)", "IMPORTING", source.id())
    try source.order("CLUSTER", "SETSLOT", "\(slot)", "MIGRATING", target.id())
  }

  /// Moves these keys, as far as they are there.
  func carry(_ keys: [String]) throws {
    if !keys.isEmpty { try carry(keys, from: source, to: target) }
  }

  /// Moves what is left, and has the target own the slot.
  func finish() throws {
    repeat {
      try carry(keys(at: source))
      try target.order("CLUSTER", "SETSLOT", "\(slot)", "NODE", target.id())
      // A script may have made one in between, and with keys it does not give the slot away.
    } while try !isGivenAway()
  }

  private func isGivenAway() throws -> Bool {
    try source.redis.call("CLUSTER", "SETSLOT", "\(slot)", "NODE", target.id()).error == nil
  }

  /// Brings back what has gone, and leaves the slot where it was.
  func takeBack() throws {
    try source.order("CLUSTER", "SETSLOT", "\(slot)", "STABLE")
    let keys = try keys(at: target)
    if !keys.isEmpty { try carry(keys, from: target, to: source) }
    try target.order("CLUSTER", "SETSLOT", "\(slot)", "STABLE")
  }

  /// The keys of the slot that stand there, sorted.
  func keys(at primary: ClusterPrimary) throws -> [String] {
    try primary.redis.list("CLUSTER", "GETKEYSINSLOT", "\(slot)", "1000").sorted()
  }

  private func carry(_ keys: [String], from one: ClusterPrimary, to other: ClusterPrimary) throws {
    let words = ["MIGRATE", "127.0.0.1", "\(other.port)", "", "0", "10000", "REPLACE", "KEYS"] + keys
    let answer = try one.redis.connect().call(words)
    guard ["OK", "NOKEY"].contains(answer.text) else { throw Failure("MIGRATE: \(answer.error?.message ?? "")") }
  }
}
