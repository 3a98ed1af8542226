import Model

/// Connections that stand still, by slot.
struct PausedConnections {
  /// What has been read of one and not been taken.
  struct Unread {
    var bytes: [UInt8]
    var start = 0
  }

  var unread: [UInt32: Unread] = [:]
  /// Subscribes that wait for their turn by the rate.
  var deferred: DeferredSubscribes

  init(most: Int) {
    deferred = DeferredSubscribes(most: most)
  }
}
