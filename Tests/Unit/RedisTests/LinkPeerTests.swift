@testable import Redis
import Testing

/// An error means different things at different servers.
@Suite struct LinkPeerTests {
  @Test func aRedisSpeaksForItself() {
    #expect(LinkPeer.redis.advice(on: RedisError("LOADING Redis is loading")).contains("still loading"))
    #expect(LinkPeer.redis.advice(on: RedisError("NOAUTH x")).contains("redis://:password@host"))
  }

  @Test(arguments: [
    "ERR unknown command 'SELECT', with args beginning with: '1' ", "ERR unknown command `SELECT`, with",
  ])
  func whoHasNoDatabasesIsASentinel(message: String) {
    #expect(LinkPeer.redis.advice(on: RedisError(message)) == RedisError.isSentinel)
    #expect(LinkPeer.redis.advice(on: RedisError("ERR unknown command 'CLIENT', 'SELECT'")) != RedisError.isSentinel)
  }

  @Test(arguments: [
    ("NOAUTH Authentication required.", "?sentinel-password="),
    ("WRONGPASS invalid", "the Sentinel refuses the password"),
    ("NOPERM this user", "the Sentinel's user lacks a permission"), ("ERR something", "ERR something"),
    ("ERR unknown command 'SENTINEL', with args", "use redis://"),
  ])
  func whatASentinelSays(message: String, words: String) {
    #expect(LinkPeer.sentinel.advice(on: RedisError(message)).contains(words))
  }

  @Test(arguments: [
    ("NOAUTH Authentication required.", "redis+cluster://:password@host"),
    ("ERR This instance has cluster support disabled", "not a server of a Cluster: use redis://"),
    ("ERR unknown command 'CLUSTER', with args", "this is a Sentinel"), ("ERR something", "ERR something"),
    ("MOVED 1 10.0.0.2:6379", "another server"), ("ASK 1 10.0.0.2:6379", "being moved"),
    ("TRYAGAIN Multiple keys", "(TRYAGAIN)"), ("CLUSTERDOWN The cluster is down", "The cluster is down"),
    ("LOADING Redis is loading", "still loading"), ("NOPERM this user", "lacks a permission"),
  ])
  func whatAServerOfAClusterSays(message: String, words: String) {
    #expect(LinkPeer.clusterServer.advice(on: RedisError(message)).contains(words))
  }

  @Test(arguments: ["MOVED 1 10.0.0.2:6379", "CLUSTERDOWN Hash slot not served", "CROSSSLOT Keys"])
  func aServerOfAClusterIsKnownByItsErrors(message: String) {
    #expect(LinkPeer.redis.advice(on: RedisError(message)) == RedisError.isOfCluster)
    #expect(RedisError.isOfCluster.contains("use redis+cluster://host:6379"))
  }

  @Test func sentinelsMayNotSayMuch() {
    #expect(LinkPeer.sentinel.maxReply == 1 << 20)
    #expect(LinkPeer.redis.maxReply == RedisCodec.maxReply && LinkPeer.primary.maxReply == RedisCodec.maxReply)
  }

  @Test func whatIsSaidOfALoginShowsNoPassword() {
    let unknown = RedisError("ERR unknown command 'AUTH', with args beginning with: 'hunter2'")
    for peer in [LinkPeer.redis, .primary, .sentinel, .clusterServer] {
      #expect(!peer.adviceOnLogin(unknown).contains("hunter2"))
      #expect(peer.adviceOnLogin(RedisError("WRONGPASS invalid")).contains("refuses the password"))
    }
    let none = RedisError("ERR AUTH <password> called without any password configured for the default user.")
    #expect(LinkPeer.sentinel.adviceOnLogin(none).contains("no sentinel-password"))
    #expect(LinkPeer.redis.adviceOnLogin(none) == "this Redis has no password: the URL must have none")
  }
}
