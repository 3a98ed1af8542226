import Redis

/// What the node tells of itself at its start.
extension NodeConfiguration {
  /// Who may connect, what carries the messages, and how many threads hold connections, in one line.
  package var summary: String {
    let servers = redis.map(\.description).joined(separator: ", ")
    let carrier = redis.isEmpty ? "alone, in memory (no --redis)" : "in the cluster of \(servers)"
    return "\(guests); \(carrier); \(loops) thread\(loops == 1 ? "" : "s") for connections"
  }

  private var guests: String {
    if isDevelopment { return "everybody may connect, under any user name (--dev)" }
    guard allowsAnonymous else { return "clients with a token may connect" }
    return
      "everybody may connect, \(isAuthenticated ? "with a token or anonymously" : "anonymously") (--allow-anonymous)"
  }
}
