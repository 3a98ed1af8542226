import Redis
import Testing

/// The value of one `--redis`, and a list of them.
@Suite struct RedisTargetTests {
  @Test(arguments: [
    ("redis://a", ["redis://a"]),
    ("redis://a,redis://b", ["redis://a", "redis://b"]),
    ("redis://a, REDISS://b ,unix:///c,", ["redis://a", " REDISS://b ", "unix:///c"]),
    ("redis://:p,,w,@a,redis://b", ["redis://:p,,w,@a", "redis://b"]),
    ("redis+sentinel://a,b:1,c/m,redis+sentinel://d,e/n", ["redis+sentinel://a,b:1,c/m", "redis+sentinel://d,e/n"]),
    (
      "rediss+sentinel://:p,w@a,b/m?sentinel-password=x,y,redis://c",
      ["rediss+sentinel://:p,w@a,b/m?sentinel-password=x,y", "redis://c"]
    ),
    ("redis+cluster://:p,w@a,b:1,c, rediss+cluster://d,e", ["redis+cluster://:p,w@a,b:1,c", " rediss+cluster://d,e"]),
    ("", [""]),
  ])
  func aURLBeginsWhereASchemeFollows(text: String, urls: [String]) {
    #expect(RedisTarget.list(text) == urls)
  }

  @Test func theSchemeSaysWhatIsMeant() throws {
    #expect(try RedisTarget("redis://a/1") == .server(RedisURL("redis://a/1")))
    #expect(try RedisTarget("Rediss+Sentinel://a/m") == .sentinels(SentinelURL("rediss+sentinel://a/m")))
    #expect(try RedisTarget("redis+sentinel://a,b,c/m").connections == 5)
    #expect(try RedisTarget("Rediss+Cluster://a,b") == .cluster(ClusterURL("rediss+cluster://a,b")))
    #expect(try RedisTarget("redis+cluster://a,b,c").connections == 6)
    #expect(try RedisTarget("rediss+cluster://a").isSecure && RedisTarget("rediss+cluster://a").isCluster)
    #expect(try !RedisTarget("redis+cluster://a").isSecure && !RedisTarget("redis://a").isCluster)
    for text in ["", "a", "http://a", "redis+other://a", "sentinel://a/m"] {
      #expect(throws: RedisURLError.self) { try RedisTarget(text) }
    }
    let error = #expect(throws: RedisURLError.self) { try RedisTarget("sentinel://a/m") }
    #expect(error?.description.contains("redis+sentinel://") == true)
    #expect(error?.description.contains("rediss+cluster://") == true)
  }

  @Test(
    arguments: [
      ("redis://a", "redis://x:y@a:6379/0", true), ("redis://a", "redis://a/1", false),
      ("redis://a", "redis://b", false),
      ("redis+sentinel://a,b/m", "redis+sentinel://:x@b,c/m/1", true),
      ("redis+sentinel://a,b/m", "redis+sentinel://a,b/n", false),
      ("redis+sentinel://a/m", "redis+sentinel://b/m", false), ("redis+sentinel://a/m", "redis://a", false),
      ("redis+cluster://a,b", "redis+cluster://:x@b,c", true), ("redis+cluster://a", "redis+cluster://b", false),
      ("redis+cluster://a", "redis://a", false), ("redis+cluster://a:26379", "redis+sentinel://a/m", false),
    ] as [(String, String, Bool)])
  func whatMeansOneRedisForSure(one: String, other: String, isSame: Bool) throws {
    #expect(try RedisTarget(one).isSame(as: RedisTarget(other)) == isSame)
    #expect(try RedisTarget(other).isSame(as: RedisTarget(one)) == isSame)
  }

  @Test(
    arguments: [
      ("redis://a", "redis://x:y@a:6379/1", true), ("redis://a", "rediss://a", true), ("redis://a", "redis://b", false),
      ("redis://a", "redis://a:1", false), ("unix:///r", "unix:///r?db=1", true),
      ("redis+sentinel://a,b/m", "redis+sentinel://b/m/1", true),
      ("redis+sentinel://a/m", "redis+sentinel://a/n", false), ("redis+sentinel://a:6379/m", "redis://a", false),
      ("redis+cluster://a,b", "redis+cluster://b", true), ("redis+cluster://a", "redis://a", false),
    ] as [(String, String, Bool)])
  func twoDatabasesAreOneServer(one: String, other: String, isOne: Bool) throws {
    #expect(try RedisTarget(one).isOneServer(as: RedisTarget(other)) == isOne)
    #expect(try RedisTarget(other).isOneServer(as: RedisTarget(one)) == isOne)
  }

  @Test(arguments: [
    ("redis://x:y@a/1", "a:6379/1"), ("unix:///run/r.sock", "/run/r.sock/0"), ("redis://[::1]", "[::1]:6379/0"),
    ("redis+sentinel://x:y@b,a:1/m/2?sentinel-password=z", "sentinel m/2"),
    ("redis+sentinel://a/m%2Fn%2Cx", "sentinel m%2Fn%2Cx/0"),
    ("rediss+cluster://x:y@b,a:1/0?server-name=z", "b:6379,a:1"),
  ])
  func anEntryOfTheListTellsNoLogin(text: String, entry: String) throws {
    #expect(try RedisTarget(text).layoutEntry == entry)
  }

  @Test(
    arguments: [
      ("redis+sentinel://a/m", "rediss+sentinel://:x@b/m/0", true),
      ("redis+sentinel://a/m", "redis+sentinel://a/n", false),
      ("redis+sentinel://a/m", "redis+sentinel://b/m/1", false), ("redis://m:1", "redis://m:1", false),
      ("redis+sentinel://a/m", "redis://m", false),
    ] as [(String, String, Bool)])
  func primariesAreToldApartByTheirNames(one: String, other: String, isAlike: Bool) throws {
    #expect(try (RedisTarget(one).nameShared(with: RedisTarget(other)) != nil) == isAlike)
  }
}
