import Redis

extension RedisError {
  /// Whether a script of ours refused because the lease of the node is gone; see `join.lua` and `renew.lua`.
  var isFenced: Bool { message.hasPrefix("FENCED ") }
}
