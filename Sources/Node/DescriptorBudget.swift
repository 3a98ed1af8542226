import Redis

/// How the open files that a process may have are shared out between the node and its clients.
package struct DescriptorBudget: Sendable {
  /// Kept for the node: links that are made anew, files, name look-ups, what the runtime opens.
  static let kept = 32
  /// Kept for calls to the backend.
  static let keptForBackend = 64
  /// Below so many a node is of no use.
  static let minRoom = 16

  /// The connections to Redis, and to Sentinels.
  static func links(_ configuration: NodeConfiguration) -> Int {
    configuration.redis.map(\.connections).reduce(0, +)
  }

  /// The open files that there may be.
  let limit: Int
  /// Those that are open as long as the node runs.
  let open: Int
  let hasBackend: Bool

  package init(limit: Int, open: Int, hasBackend: Bool) {
    self.limit = limit
    self.open = open
    self.hasBackend = hasBackend
  }

  /// The connections there may be, of any kind.
  package var room: Int { max(0, limit - open - reserve) }

  private var reserve: Int { Self.kept + (hasBackend ? Self.keptForBackend : 0) }

  /// Throws what to do where there is too little room for clients.
  package func validated() throws(ConfigurationError) -> DescriptorBudget {
    guard room >= Self.minRoom else {
      throw ConfigurationError(
        "The limit of open files is \(limit). The node has \(open) open and keeps \(reserve) free: "
          + "that leaves room for \(room) connections, and the node needs at least \(Self.minRoom). "
          + "Raise the limit: ulimit -n \(max(1024, open + reserve + 1000))")
    }
    return self
  }

  /// A sentence where more WebSockets are allowed than there is room for. `maxConnections` 0 is no limit.
  package func warning(maxConnections: Int) -> String? {
    guard maxConnections > room else { return nil }
    return "--max-connections is \(maxConnections), but there is room for only \(room) connections: "
      + "raise the limit of open files (ulimit -n), which is \(limit)."
  }
}

extension DescriptorBudget {
  /// What a node of that configuration would find, with a limit of that many open files: measured on nodes that run.
  package init(of configuration: NodeConfiguration, limit: Int) {
    // Standard streams, signals, and the HTTP side's thread.
    var open = 12
    // Each loop has two, and a listener for each address.
    open += configuration.loops * (2 + configuration.addresses.count)
    if configuration.loops > 1 { open += 2 }
    if configuration.isAuthenticated || configuration.isDevelopment { open += 2 }
    open += Self.links(configuration)
    if configuration.backend != nil { open += 3 }
    self.init(limit: limit, open: open, hasBackend: configuration.backend != nil)
  }
}
