import Redis

/// What is to be known of a server before anything else is asked of it, one question after the other: ROLE, INFO, and
/// that the scripts are loaded; without any I/O.
///
/// An answer that belongs to an earlier connection is not to be passed on.
struct ServerJoin {
  enum Action: Equatable {
    case askRole, askInfo, loadScripts
    /// The server can be used. `run` has the name that INFO tells.
    case joined(RedisRun)
    /// The connection is of no use, for that reason.
    case reset(String)
  }

  /// Whether a server of a Redis Cluster is meant.
  private let isInCluster: Bool
  private var run = RedisRun(name: "", replicationID: "")

  init(isInCluster: Bool = false) {
    self.isInCluster = isInCluster
  }

  func begin() -> Action { .askRole }

  /// What ROLE tells first, or why it tells nothing.
  func role(_ answer: Result<String, RedisError>) -> Action {
    switch answer {
    case .failure(let error): .reset(error.advice)
    case .success("master"): .askInfo
    case .success("sentinel"): .reset(RedisError.isSentinel)
    case .success:
      .reset(isInCluster ? "it is a replica now" : "this Redis is a replica (READONLY): Apus needs the primary")
    }
  }

  mutating func info(_ answer: Result<String, RedisError>) -> Action {
    switch answer {
    case .failure(let error): return .reset(error.advice)
    case .success(let info):
      if let refusal = refusal(info) { return .reset(refusal) }
      guard let runID = Self.runID(of: info) else { return .reset(Self.noRunID) }
      let previous = InfoText.field("master_replid2", of: info) ?? ""
      run = RedisRun(
        name: runID, replicationID: InfoText.field("master_replid", of: info) ?? "",
        previousReplicationID: previous.allSatisfy { $0 == "0" } ? "" : previous)
      return .loadScripts
    }
  }

  /// Why the server is not of the kind that the URL says.
  private func refusal(_ info: String) -> String? {
    let isCluster = InfoText.field("cluster_enabled", of: info) == "1"
    guard isInCluster else { return isCluster ? RedisError.isOfCluster : nil }
    guard isCluster else { return RedisError.isNotOfCluster }
    let version = InfoText.field("redis_version", of: info) ?? ""
    // Before 7.0 publish and subscribe did not stay within a slot.
    let major = Int(version.prefix { $0 != "." }) ?? 0
    return major >= 7 ? nil : "a Cluster must be of Redis 7.0 or newer, not \(version)"
  }

  func scriptsLoaded(_ error: RedisError?) -> Action {
    error.map { .reset($0.advice) } ?? .joined(run)
  }

  static let noRunID = "this Redis does not report its run_id"

  /// The `run_id` in an answer to INFO.
  static func runID(of info: String) -> String? { InfoText.field("run_id", of: info) }
}
