import FoundationEssentials
import Redis
import Testing

@testable import apus

/// What `apus check` reads out of Redis' answers.
@Suite struct RedisCheckTests {
  @Test func fieldsOfINFO() {
    let answer = RedisAnswer.text("# Server\r\nredis_version:7.0.15\r\nredis_mode:standalone\r\n")
    #expect(ServerFindings.field("redis_version", of: answer) == "7.0.15")
    #expect(ServerFindings.field("redis", of: answer) == nil)
    #expect(ServerFindings.field("redis_version", of: .refused(RedisError("NOPERM no"))) == nil)
  }

  @Test(arguments: [
    ("normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60", 33_554_432), ("pubsub 0 0 0", 0),
    ("normal 0 0 0", nil), ("pubsub", nil), ("pubsub x", nil),
  ])
  func theLimitOfSubscribers(_ text: String, _ limit: Int?) {
    #expect(ServerFindings.pubsubLimit(text) == limit)
  }

  /// The user that `docs/redis.md` makes may run whatever is tried, and nothing that is not.
  @Test func theDocumentedPermissionsAreTried() throws {
    let granted = try granted(in: "ACL SETUSER apus on >secret resetkeys ~apus:*")
    let beginning: Set<String> = ["auth", "select", "client", "role"]
    #expect(granted == tried(RedisPermissions(prefix: "apus:")).union(beginning))
  }

  /// In a Cluster other commands take the place of some.
  @Test func theDocumentedPermissionsInAClusterAreTried() throws {
    let (alone, inCluster) = (
      tried(RedisPermissions(prefix: "apus:")), tried(RedisPermissions(prefix: "", partition: 0))
    )
    #expect(try granted(in: "+spublish") == inCluster.subtracting(alone))
    #expect(alone.subtracting(inCluster) == ["publish", "subscribe", "unsubscribe"])
  }

  private func granted(in words: String) throws -> Set<String> {
    let path = #filePath.replacing("Tests/Unit/NodeTests/RedisCheckTests.swift", with: "docs/redis.md")
    let page = try String(contentsOfFile: path, encoding: .utf8)
    let rule = try #require(page.split(separator: "```").first { $0.hasPrefix("text\n\(words)") })
    return Set(rule.split(whereSeparator: \.isWhitespace).filter { $0.hasPrefix("+") }.map { String($0.dropFirst()) })
  }

  private func tried(_ permissions: RedisPermissions) -> Set<String> {
    Set(permissions.commands.map { ($0[0] == "CLUSTER" ? $0.joined(separator: "|") : $0[0]).lowercased() })
  }

  /// What the broker's sources send, and what its scripts call, is among them.
  @Test func everythingThatIsSentIsTried() throws {
    let folder = #filePath.replacing("Tests/Unit/NodeTests/RedisCheckTests.swift", with: "Sources/Broker/Redis")
    let files = try FileManager.default.subpathsOfDirectory(atPath: folder)
    let permissions = [RedisPermissions(prefix: "apus:"), RedisPermissions(prefix: "apus:", partition: 0)]
    let tried = Set(permissions.flatMap(\.commands).compactMap(\.first)).union(["ROLE", "SCRIPT", "EVALSHA"])
    var sent: Set<String> = []
    for file in files where file.hasSuffix(".swift") || file.hasSuffix(".lua") {
      let text = try String(contentsOfFile: "\(folder)/\(file)", encoding: .utf8)
      for match in text.matches(of: /(?:RedisCommand\(\s*"|redis\.call\(')(?<name>[A-Z]+)/) {
        sent.insert(String(match.name))
      }
    }
    #expect(sent.count > 20)
    #expect(sent.subtracting(tried) == [])
  }
}
