import Model

/// Every key and pub/sub channel of Apus in Redis, made in one place. `docs/redis.md` says what each one holds.
///
/// What varies stands last, so no two names can meet.
package struct RedisKeys {
  let prefix: String

  package init(prefix: String) {
    self.prefix = prefix
  }

  package func presence(_ channel: ChannelName) -> String { prefix + "presence:" + channel.string }
  package func users(_ channel: ChannelName) -> String { prefix + "users:" + channel.string }
  /// The messages that are kept.
  package func history(_ channel: ChannelName) -> String { prefix + "history:" + channel.string }
  /// Where the history stands.
  package func meta(_ channel: ChannelName) -> String { prefix + "meta:" + channel.string }
  /// Under what name the present run of Redis goes.
  var run: String { prefix + "run" }
  /// What became of a message that was published under a key.
  ///
  /// A channel's name has no space, in a user's name `:` and `\` are escaped by `\`, and no user's name is empty, as it is
  /// in front of an anonymous connection: here, too, no two meet.
  func idempotency(_ key: IdempotencyKey, in channel: ChannelName) -> String {
    let publisher =
      switch key.publisher {
      case .user(let user): Self.escaped(user.string)
      case .anonymous(let client): ":" + client.string
      case .server: ":"
      }
    return prefix + "key:" + channel.string + " " + publisher + ":" + key.key
  }

  var nodes: String { prefix + "nodes" }
  /// Which of how many Redis this one is.
  package var layout: String { prefix + "layout" }
  /// The lease of a node and what it says of itself.
  func node(_ id: String) -> String { nodePrefix + id }
  var nodePrefix: String { prefix + "node:" }
  /// The channels in which a node has members.
  func channels(ofNode id: String) -> String { prefix + "channels:" + id }
  /// The open connections of a node.
  func connections(ofNode id: String) -> String { prefix + "connections:" + id }
  /// The connections of a user, and which node each is on.
  package func user(_ user: UserName) -> String { prefix + "user:" + user.string }
  /// Who reaps a dead node.
  func reap(_ id: String) -> String { reapPrefix + id }
  var reapPrefix: String { prefix + "reap:" }

  // Pub/sub channels.

  package func messages(_ channel: ChannelName) -> String { messagePrefix + channel.string }
  var messagePrefix: String { prefix + "ch:" }
  var control: String { prefix + "control" }
  func control(_ id: NodeID) -> String { controlPrefix + id.string }
  var controlPrefix: String { prefix + "control:" }

  private static func escaped(_ name: String) -> String {
    var escaped = ""
    for scalar in name.unicodeScalars {
      if scalar == ":" || scalar == "\\" { escaped.unicodeScalars.append("\\") }
      escaped.unicodeScalars.append(scalar)
    }
    return escaped
  }
}
