/// An error Redis answered with.
package struct RedisError: Error, Sendable, Equatable, CustomStringConvertible {
  /// What the error is, by the word it begins with: those that call for a behaviour of their own.
  package enum Code: String, Sendable, CaseIterable {
    /// The script of that digest is not loaded.
    case noScript = "NOSCRIPT"
    /// A write was sent to a replica.
    case readOnly = "READONLY"
    /// The server still reads its data set.
    case loading = "LOADING"
    /// A replica without its primary, told not to answer with old data.
    case masterDown = "MASTERDOWN"
    /// The server is at `maxmemory`.
    case outOfMemory = "OOM"
    /// The connection must authenticate first.
    case noAuth = "NOAUTH"
    /// The user may not run this command, or not with this key or channel.
    case noPermission = "NOPERM"
    /// The user or the password is wrong.
    case wrongPassword = "WRONGPASS"
    /// The server has fewer replicas than it must have to take a write.
    case noReplicas = "NOREPLICAS"
    /// Another server of the Cluster has the slot.
    case moved = "MOVED"
    /// The slot is being moved, and the key stands at its new server.
    case ask = "ASK"
    /// The slot is being moved, and some of the keys stand here, some there.
    case tryAgain = "TRYAGAIN"
    /// The Cluster cannot answer for the slot.
    case clusterDown = "CLUSTERDOWN"
    /// The keys of one command are of several slots.
    case crossSlot = "CROSSSLOT"
    /// Any other.
    case other = ""
  }

  package let code: Code
  /// The whole line, its first word included.
  package let message: String

  /// The error of a line as Redis sends it, without the leading `-`.
  package init(_ message: String) {
    self.message = message
    code = Self.code(of: message)
  }

  package var description: String { message }

  /// What it means for whoever runs the node, and what to do.
  package var advice: String {
    switch code {
    case .readOnly: "this Redis is a replica (READONLY): Apus needs the primary"
    case .loading: "Redis is still loading its data (LOADING)"
    case .masterDown: "this Redis is a replica without its primary (MASTERDOWN)"
    case .outOfMemory: "Redis is out of memory (OOM): raise maxmemory"
    case .noAuth: "Redis asks for a password (NOAUTH): put it into the URL, redis://:password@host"
    case .wrongPassword: "Redis refuses the password (WRONGPASS)"
    case .noReplicas:
      "Redis has too few replicas to take writes (NOREPLICAS): bring them back, or lower min-replicas-to-write"
    case .moved, .ask, .tryAgain, .clusterDown, .crossSlot: Self.isOfCluster
    case .noPermission: "the Redis user lacks a permission (NOPERM): \(message)"
    case .noScript, .other: message
    }
  }

  /// What is said of a server of a Redis Cluster.
  package static let isOfCluster =
    "this Redis is a server of a Cluster: use redis+cluster://host:6379"

  /// The sentence for a Redis where a server of a Cluster is meant.
  package static let isNotOfCluster = "this Redis is not a server of a Cluster: use redis://host:6379"

  /// What is said of a Sentinel where a Redis is meant.
  package static let isSentinel =
    "this is a Sentinel: use redis+sentinel://host:26379/NAME, with the name under which it watches the primary"

  /// Whether the server does not know that command.
  func isUnknown(_ command: String) -> Bool {
    message.hasPrefix("ERR unknown command") && message.dropFirst(20).prefix(command.count + 2).contains(command)
  }

  private static func code(of message: String) -> Code {
    let words = message.split(separator: " ")
    guard let first = words.first else { return .other }
    if let code = Code(rawValue: String(first)) { return code }
    // Redis 6.2 wraps the error of a command that a script ran: `ERR Error running script (...): ... -OOM command ...`.
    guard message.hasPrefix("ERR Error running script") else { return .other }
    for word in words where word.first == "-" {
      if let code = Code(rawValue: String(word.dropFirst())), code != .other { return code }
    }
    return .other
  }
}
