/// The kind of server at the other side of a link, for sentences that say what to do.
package enum LinkPeer: Sendable {
  /// A Redis whose address stands in the URL.
  case redis
  /// A Redis that Sentinels have named.
  case primary
  case sentinel
  /// A server of a Cluster.
  case clusterServer

  /// At the beginning of a sentence.
  var subject: String {
    switch self {
    case .redis, .primary, .clusterServer: "Redis"
    case .sentinel: "the Sentinel"
    }
  }

  /// The place of the server as it is logged.
  func place(_ url: RedisURL) -> String {
    switch self {
    case .redis, .primary: url.description
    case .sentinel, .clusterServer: url.address
    }
  }

  /// The server at that place in words, where the URL that was given does not have the place.
  func named(at url: RedisURL) -> String? {
    switch self {
    case .primary: "the primary \(url.address) that the Sentinels name"
    case .redis, .sentinel, .clusterServer: nil
    }
  }

  /// The most bytes of a reply. Sentinels have little to say, whoever they are.
  var maxReply: Int {
    switch self {
    case .redis, .primary, .clusterServer: RedisCodec.maxReply
    case .sentinel: 1 << 20
    }
  }

  /// The beginning of a URL that leads there without TLS.
  var plainScheme: String {
    switch self {
    case .redis: "redis://"
    case .primary, .sentinel: "redis+sentinel://"
    case .clusterServer: "redis+cluster://"
    }
  }

  /// The same with TLS.
  var secureScheme: String {
    switch self {
    case .redis: "rediss://"
    case .primary, .sentinel: "rediss+sentinel://"
    case .clusterServer: "rediss+cluster://"
    }
  }

  /// The meaning of an error for whoever runs the node.
  package func advice(on error: RedisError) -> String {
    switch self {
    case .redis:
      error.isUnknown("SELECT") ? RedisError.isSentinel : error.advice
    case .primary: error.advice
    case .sentinel: Self.adviceAtSentinel(error)
    case .clusterServer: Self.adviceAtClusterServer(error)
    }
  }

  private static func adviceAtSentinel(_ error: RedisError) -> String {
    switch error.code {
    case .noAuth: "the Sentinel asks for a password (NOAUTH): put it into the URL, ?sentinel-password="
    case .wrongPassword: "the Sentinel refuses the password (WRONGPASS)"
    case .noPermission: "the Sentinel's user lacks a permission (NOPERM): \(error.message)"
    case .noScript, .readOnly, .loading, .masterDown, .outOfMemory, .noReplicas, .moved, .ask, .tryAgain, .clusterDown,
      .crossSlot, .other:
      error.isUnknown("SENTINEL") ? "this is a Redis, not a Sentinel: use redis://" : error.message
    }
  }

  private static func adviceAtClusterServer(_ error: RedisError) -> String {
    switch error.code {
    case .noAuth: "Redis asks for a password (NOAUTH): put it into the URL, redis+cluster://:password@host"
    case .moved: "another server of the Cluster has the slot (MOVED)"
    case .ask, .tryAgain: "the slot is being moved to another server of the Cluster (\(error.code.rawValue))"
    case .clusterDown: "the Cluster cannot answer for the slot (CLUSTERDOWN): \(error.message)"
    case .noScript, .readOnly, .loading, .masterDown, .outOfMemory, .noPermission, .wrongPassword, .noReplicas,
      .crossSlot:
      error.advice
    case .other:
      if error.message.contains("cluster support disabled") {
        RedisError.isNotOfCluster
      } else {
        error.isUnknown("CLUSTER") ? RedisError.isSentinel : error.message
      }
    }
  }

  /// The same for the answer to a login. What a server says of a command that it does not know may hold the password.
  func adviceOnLogin(_ error: RedisError) -> String {
    if error.message.contains("without any password configured") {
      switch self {
      case .redis, .primary, .clusterServer: return "this Redis has no password: the URL must have none"
      case .sentinel: return "the Sentinel has no password: the URL must have no sentinel-password"
      }
    }
    return error.code == .other
      ? "\(subject) does not take the login (AUTH); what it says of it may hold the password" : advice(on: error)
  }
}
