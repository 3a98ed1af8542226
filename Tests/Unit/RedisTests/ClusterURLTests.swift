import Redis
import Testing

@Suite struct ClusterURLTests {
  @Test(
    arguments: [
      ("redis+cluster://a", ["a:6379"], "redis://10.0.0.5:7000/0"),
      ("REDIS+CLUSTER://a,b:7000,10.0.0.1/", ["a:6379", "b:7000", "10.0.0.1:6379"], "redis://10.0.0.5:7000/0"),
      ("redis+cluster://alice:p%40ss,w@a,[::1]:7/0", ["a:6379", "[::1]:7"], "redis://alice:***@10.0.0.5:7000/0"),
      (
        "rediss+cluster://:s@a?server-name=redis.example", ["a:6379"],
        "rediss://:***@10.0.0.5:7000/0?server-name=redis.example"
      ),
    ] as [(String, [String], String)])
  func reads(text: String, servers: [String], other: String) throws {
    let url = try ClusterURL(text)
    #expect(url.servers.map(\.address) == servers)
    #expect(url.place == servers.joined(separator: ","))
    let address = try #require(ServerAddress(host: "10.0.0.5", port: "7000"))
    #expect(url.server(at: address).description == other)
  }

  @Test func allServersHaveOneLogin() throws {
    let url = try ClusterURL("rediss+cluster://alice:one%3F@a,b?server-name=x.example")
    let all = url.servers + [url.server(at: try #require(ServerAddress(host: "::1", port: "1")))]
    #expect(all.map(\.user) == ["alice", "alice", "alice"])
    #expect(all.map(\.password) == ["one?", "one?", "one?"])
    #expect(all.map(\.serverName) == ["x.example", "x.example", "x.example"])
    #expect(url.isSecure && all.allSatisfy(\.isSecure) && all.allSatisfy { $0.database == 0 })
    #expect(all.last?.endpoint == .tcp(host: "::1", port: 1))
    #expect(!(try ClusterURL("redis+cluster://a").isSecure))
  }

  @Test func thereMayBe64() throws {
    #expect(try ClusterURL(hosts(64)).servers.count == 64)
    let error = #expect(throws: RedisURLError.self) { try ClusterURL(hosts(65)) }
    #expect(error?.description == "at most 64 servers can be given, not 65")
  }

  private func hosts(_ count: Int) -> String {
    "redis+cluster://" + (0..<count).map { "a\($0)" }.joined(separator: ",")
  }

  @Test(arguments: [
    ("redis+cluster", "looks like redis+cluster://"), ("redis+cluster://", "a name or an address"),
    ("redis+cluster://a,,b", "a name or an address"), ("redis+cluster://a,", "a name or an address"),
    ("redis+cluster://a, b", "no blanks"), ("redis+cluster://a:0", "1 to 65535"),
    ("redis+cluster://::1", "in brackets"),
    ("redis+cluster://a,b,a:6379", "a server stands there twice"), ("redis+cluster://a/1", "only database 0"),
    ("redis+cluster://a/x", "the database must be a number"), ("redis+cluster://a/0/", "the database must be a number"),
    ("redis+cluster://a?db=0", "takes only, with TLS, the parameter ?server-name="),
    ("redis+cluster://a?", "takes only"), ("rediss+cluster://a?server-name=x&y=z", "takes only"),
    ("rediss+cluster://a?server-name=x&server-name=y", "takes only"),
    ("redis+cluster://a?server-name=x", "rediss+cluster://"),
    ("rediss+cluster://a?server-name=.x", "a name or an address"), ("redis+cluster://a#x", "#"),
    ("redis+cluster://user@a", "user:password@"), ("redis+cluster://:p/x@a", "%2F"),
  ])
  func saysWhatIsWrong(text: String, words: String) {
    let error = #expect(throws: RedisURLError.self) { try ClusterURL(text) }
    #expect(error?.description.contains(words) == true, "\(String(describing: error))")
  }

  @Test(arguments: [
    "redis+cluster://alice:hunter2@a/1", "redis+cluster://alice:hunter2@a:x", "redis+cluster://alice:hunter2/x@a",
    "redis+cluster://alice:hunter2@a?x=1", "redis+cluster://alice:hunter2", "redis+cluster://a?hunter2",
    "redis+cluster://a:hunter2%zz@b", "redis+cluster://x:hunter2@a,a",
  ])
  func neverShowsAPasswordInErrors(text: String) {
    let error = #expect(throws: RedisURLError.self) { try ClusterURL(text) }
    #expect(error?.description.contains("hunter2") == false)
  }

  @Test(arguments: [
    ("redis+cluster://a,b:1/0", "redis+cluster://a:6379,b:1"),
    ("redis+cluster://al%0Aice:hunter2@[::1]", "redis+cluster://al%0Aice:***@[::1]:6379"),
    (
      "rediss+cluster://:hunter2@a?server-name=x.example", "rediss+cluster://:***@a:6379?server-name=x.example"
    ),
  ])
  func describesItselfWithoutThePassword(text: String, description: String) throws {
    let target = try RedisTarget(text)
    #expect(target.description == description)
    #expect(!String(reflecting: target).contains("hunter2") && !"\([target])".contains("hunter2"))
  }
}
