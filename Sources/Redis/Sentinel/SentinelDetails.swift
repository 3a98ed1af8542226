/// The rest of what a Sentinel knows of a primary; nil for what it does not tell.
package struct SentinelDetails: Equatable, Sendable {
  /// The `config-epoch`.
  package var epoch: Int?
  /// How many Sentinels watch the primary besides this one.
  package var otherSentinels: Int?
  /// How many of them must find the primary down.
  package var quorum: Int?

  /// The answer has an address, too: for a while that of the old primary.
  package static func question(_ name: String) -> RedisCommand {
    RedisCommand("SENTINEL", "MASTER", name)
  }

  package init(epoch: Int? = nil, otherSentinels: Int? = nil, quorum: Int? = nil) {
    self.epoch = epoch
    self.otherSentinels = otherSentinels
    self.quorum = quorum
  }

  /// From the answer to the question, whatever it is.
  package init(_ reply: RedisReplyView) {
    for (field, value) in reply.pairs {
      switch field.string {
      case "config-epoch": epoch = Int(value.string)
      case "num-other-sentinels": otherSentinels = Int(value.string)
      case "quorum": quorum = Int(value.string)
      default: break
      }
    }
  }
}
