import Redis

extension RedisError {
  /// Whether a script of ours refused because the lease of the node is gone; see `join.lua` and `renew.lua`.
  var isFenced: Bool { message.hasPrefix("FENCED ") }

  /// Whether a key of ours holds something of another type; Redis before 7 says so within a sentence about the script.
  var isOfForeignData: Bool { message.contains("WRONGTYPE ") }
}
