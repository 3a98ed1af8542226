import Model

/// Every key and pub/sub channel of Apus in Redis, made in one place. `docs/redis.md` says what each one holds.
///
/// What varies stands last, so no two names can meet.
struct RedisKeys {
  let prefix: String

  func presence(_ channel: ChannelName) -> String { prefix + "presence:" + channel.string }
  func users(_ channel: ChannelName) -> String { prefix + "users:" + channel.string }
  var nodes: String { prefix + "nodes" }
  /// The lease of a node and what it says of itself.
  func node(_ id: String) -> String { nodePrefix + id }
  var nodePrefix: String { prefix + "node:" }
  /// The channels in which a node has members.
  func channels(ofNode id: String) -> String { prefix + "channels:" + id }
  /// Who reaps a dead node.
  func reap(_ id: String) -> String { reapPrefix + id }
  var reapPrefix: String { prefix + "reap:" }

  // Pub/sub channels.

  func messages(_ channel: ChannelName) -> String { messagePrefix + channel.string }
  var messagePrefix: String { prefix + "ch:" }
  var control: String { prefix + "control" }
  func control(_ id: NodeID) -> String { prefix + "control:" + id.string }
}
