import Model
import Node
import Redis
import Testing

@testable import apus

/// What `apus where` says of a name, once it is known which server has it.
@Suite struct PlacesTests {
  private func lines(_ url: String, of subject: Places.Subject, at server: String) throws -> [String] {
    let configuration = try NodeConfiguration(Settings(commandLine: [.redis: [url]], environment: [:]))
    return Places(configuration).lines(of: subject, at: try RedisURL(server))
  }

  @Test func namesInAClusterHaveTheTagOfTheirPartition() throws {
    let room = try #require(ChannelName("room:1"))
    let lines = try lines("redis+cluster://:p@a,b", of: .channel(room), at: "redis://:p@10.0.0.2:7000")
    let cli = "redis-cli -c -h 10.0.0.2 -p 7000"
    #expect(
      lines == [
        "redis        redis+cluster://:***@a:6379,b:6379", "keyspace     partition 2 of 64, tag 2.303, slot 553",
        "server       10.0.0.2:7000", "presence     \(cli) hgetall 'apus:{2.303}:presence:room:1'",
        "users        \(cli) hgetall 'apus:{2.303}:users:room:1'",
        "history      \(cli) xrange 'apus:{2.303}:history:room:1' - +",
        "place        \(cli) hgetall 'apus:{2.303}:meta:room:1'",
        "messages     \(cli) ssubscribe 'apus:{2.303}:ch:room:1'",
        "publish      \(cli) spublish 'apus:{2.303}:ch:room:1' DATA",
        "nodes        \(cli) pubsub shardnumsub 'apus:{2.303}:ch:room:1'",
      ])
  }

  @Test func aUserIsInThePartitionOfTheName() throws {
    let alice = try #require(UserName("alice"))
    let lines = try lines("rediss+cluster://a", of: .user(alice), at: "rediss://a")
    #expect(lines.last == "connections  redis-cli -c -h a -p 6379 --tls hgetall 'apus:{4.40}:user:alice'")
  }

  @Test(arguments: [
    ("redis://a-b.example", "-h a-b.example"), ("redis://[fd00::1]", "-h fd00::1"), ("redis://~root", "-h '~root'"),
    ("redis://[fe80::1%eth0]", "-h 'fe80::1%eth0'"),
  ])
  func aHostThatNeedsItIsQuoted(url: String, words: String) throws {
    let room = try #require(ChannelName("room:1"))
    let lines = try lines("redis://x", of: .channel(room), at: url)
    #expect(lines.count == 6)
    #expect(lines.dropFirst().allSatisfy { $0.contains("redis-cli \(words) -p 6379 ") }, "\(lines)")
  }
}
