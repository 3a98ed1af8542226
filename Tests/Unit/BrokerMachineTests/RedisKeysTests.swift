@testable import Broker
import Model
import TestSupport
import Testing

@Suite struct RedisKeysTests {
  private let keys = RedisKeys(prefix: "apus:")

  private func name(_ publisher: String, _ key: String, in name: String = "room:1") -> String {
    keys.idempotency(IdempotencyKey(publisher: .user(user(publisher)), key: key), in: channel(name))
  }

  @Test func aHistoryHasTwoKeys() {
    #expect(keys.history(channel("room:1")) == "apus:history:room:1")
    #expect(keys.meta(channel("room:1")) == "apus:meta:room:1")
  }

  @Test func anIdempotencyKeyNamesChannelPublisherAndKey() {
    #expect(name("alice", "k 1:2") == "apus:key:room:1 alice:k 1:2")
    #expect(name("team:alice", "k") == #"apus:key:room:1 team\:alice:k"#)
    #expect(name(#"a\"#, "k") == #"apus:key:room:1 a\\:k"#)
    let anonymous = IdempotencyKey(publisher: .anonymous(ClientID("c-1")), key: "k")
    #expect(keys.idempotency(anonymous, in: channel("room:1")) == "apus:key:room:1 :c-1:k")
  }

  @Test func noTwoMeet() {
    let pieces = ["a", "b:", ":b", #"\"#, #"\:"#, "a b", ":", " "]
    let channels = ["x", "x:a", "x:"]
    var seen: Set<String> = []
    for channel in channels {
      for publisher in pieces + [":c-1", "c-1"] { for key in pieces { seen.insert(name(publisher, key, in: channel)) } }
      for key in pieces {
        let anonymous = IdempotencyKey(publisher: .anonymous(ClientID("c-1")), key: key)
        seen.insert(keys.idempotency(anonymous, in: TestSupport.channel(channel)))
      }
    }
    #expect(seen.count == channels.count * (pieces.count + 3) * pieces.count)
  }

  /// The table of `docs/redis.md` has the form of every key, with what varies in angle brackets.
  @Test func theTableOfKeys() throws {
    let (channel, user) = (TestSupport.channel("<channel>"), TestSupport.user("<user>"))
    let forms = [
      keys.presence(channel), keys.users(channel), keys.history(channel), keys.meta(channel), keys.run,
      keys.idempotency(IdempotencyKey(publisher: .user(user), key: "<key>"), in: channel), keys.nodes,
      keys.layout, keys.node("<id>"), keys.channels(ofNode: "<id>"), keys.connections(ofNode: "<id>"), keys.user(user),
      keys.reap("<id>"),
    ]
    #expect(try DocumentTable("docs/redis.md", "## Keys").names == forms)
  }

  @Test func theTableOfPubSubChannels() throws {
    let forms = [keys.messages(channel("<channel>")), keys.control, keys.controlPrefix + "<id>"]
    #expect(try DocumentTable("docs/redis.md", "## Pub/sub channels").names == forms)
  }
}
