import Redis

extension RedisError {
  /// Whether it says that a slot of a Cluster is elsewhere, or on its way, or that nobody has it.
  var isOfSlot: Bool {
    switch code {
    case .moved, .ask, .tryAgain, .clusterDown: true
    case .noScript, .readOnly, .loading, .masterDown, .outOfMemory, .noAuth, .noPermission, .wrongPassword, .noReplicas,
      .crossSlot, .other:
      false
    }
  }

  /// Whether a script of ours refused because the lease of the node is gone; see `join.lua` and `renew.lua`.
  var isFenced: Bool { message.hasPrefix("FENCED ") }

  /// As which of theirs other nodes use this Redis, where that is not as this node does; see `renew.lua`.
  var otherLayout: String? { message.hasPrefix("LAYOUT ") ? String(message.dropFirst("LAYOUT ".count)) : nil }

  /// Whether a key of ours holds something of another type; Redis before 7 says so within a sentence about the script.
  var isOfForeignData: Bool { message.contains("WRONGTYPE ") }
}
