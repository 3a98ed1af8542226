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

  private var run = RedisRun(name: "", replicationID: "")

  func begin() -> Action { .askRole }

  /// What ROLE tells first, or why it tells nothing.
  func role(_ answer: Result<String, RedisError>) -> Action {
    switch answer {
    case .failure(let error): .reset(error.advice)
    case .success("master"): .askInfo
    case .success("sentinel"): .reset(RedisError.isSentinel)
    case .success: .reset("this Redis is a replica (READONLY): Apus needs the primary")
    }
  }

  mutating func info(_ answer: Result<String, RedisError>) -> Action {
    switch answer {
    case .failure(let error): return .reset(error.advice)
    case .success(let info):
      guard Self.field("cluster_enabled", of: info) != "1" else { return .reset(RedisError.isOfCluster) }
      guard let runID = Self.runID(of: info) else { return .reset(Self.noRunID) }
      let previous = Self.field("master_replid2", of: info) ?? ""
      run = RedisRun(
        name: runID, replicationID: Self.field("master_replid", of: info) ?? "",
        previousReplicationID: previous.allSatisfy { $0 == "0" } ? "" : previous)
      return .loadScripts
    }
  }

  func scriptsLoaded(_ error: RedisError?) -> Action {
    error.map { .reset($0.advice) } ?? .joined(run)
  }

  static let noRunID = "this Redis does not report its run_id"

  /// The `run_id` in an answer to INFO.
  static func runID(of info: String) -> String? { field("run_id", of: info) }

  private static func field(_ name: String, of info: String) -> String? {
    let lines = info.split(whereSeparator: \.isNewline)
    let value = lines.first { $0.hasPrefix(name + ":") }?.dropFirst(name.utf8.count + 1) ?? ""
    return value.isEmpty ? nil : String(value)
  }
}
