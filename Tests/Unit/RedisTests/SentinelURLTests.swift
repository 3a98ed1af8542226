import Redis
import Testing

@Suite struct SentinelURLTests {
  @Test(
    arguments: [
      ("redis+sentinel://a/main", ["a:26379"], "main", "redis://10.0.0.5:6379/0"),
      (
        "REDIS+SENTINEL://a,b:7000,10.0.0.1/main/", ["a:26379", "b:7000", "10.0.0.1:26379"], "main",
        "redis://10.0.0.5:6379/0"
      ),
      (
        "redis+sentinel://alice:p%40ss,w@a,[::1]:7/my%2Fmain/3", ["a:26379", "[::1]:7"], "my/main",
        "redis://alice:***@10.0.0.5:6379/3"
      ),
      ("redis+sentinel://:s@a/m?sentinel-password=x", ["a:26379"], "m", "redis://:***@10.0.0.5:6379/0"),
      (
        "rediss+sentinel://a/m?server-name=redis.example", ["a:26379"], "m",
        "rediss://10.0.0.5:6379/0?server-name=redis.example"
      ),
    ] as [(String, [String], String, String)])
  func reads(text: String, sentinels: [String], name: String, primary: String) throws {
    let url = try SentinelURL(text)
    #expect(url.sentinels.map(\.address) == sentinels)
    #expect(url.name == name)
    let address = try #require(ServerAddress(host: "10.0.0.5", port: "6379"))
    #expect(url.primary(at: address).description == primary)
  }

  @Test func theLoginsAreApart() throws {
    let url = try SentinelURL(
      "redis+sentinel://alice:one%3F@a,b/m/2?sentinel-user=guard&sentinel-password=t%26wo=%23")
    #expect(url.sentinels.map(\.user) == ["guard", "guard"])
    #expect(url.sentinels.map(\.password) == ["t&wo=#", "t&wo=#"])
    #expect(url.sentinels.map(\.database) == [0, 0], "Sentinels have no databases")
    let primary = url.primary(at: try #require(ServerAddress(host: "::1", port: "1")))
    #expect(primary.user == "alice" && primary.password == "one?" && primary.database == 2)
    #expect(primary.endpoint == .tcp(host: "::1", port: 1))
    let bare = try SentinelURL("redis+sentinel://alice:one@a/m")
    #expect(bare.sentinels[0].user == nil && bare.sentinels[0].password == nil)
  }

  @Test func withTLSAllConnectionsHaveIt() throws {
    let url = try SentinelURL("rediss+sentinel://a,b/m?server-name=x.example")
    #expect(url.isSecure && url.sentinels.allSatisfy(\.isSecure))
    #expect(url.sentinels.map(\.serverName) == ["x.example", "x.example"])
    #expect(!(try SentinelURL("redis+sentinel://a/m").isSecure))
  }

  @Test(arguments: [
    ("redis+sentinel://a", "name of the primary"), ("redis+sentinel://a/", "name of the primary"),
    ("redis+sentinel://a//0", "name of the primary"), ("redis+sentinel://a/m%0A", "name of the primary"),
    ("redis+sentinel:///m", "a name or an address"), ("redis+sentinel://a,,b/m", "a name or an address"),
    ("redis+sentinel://a, b/m", "no blanks"),
    ("redis+sentinel://a,/m", "a name or an address"), ("redis+sentinel://a:0/m", "1 to 65535"),
    ("redis+sentinel://::1/m", "in brackets"), ("redis+sentinel://a,b,a:26379/m", "twice"),
    ("redis+sentinel://a/m/x", "the database must be a number"),
    ("redis+sentinel://a/m/0/1", "the database must be a number"),
    ("redis+sentinel://a/m?", "takes only ?sentinel-user="),
    ("redis+sentinel://a/m?db=1", "takes only ?sentinel-user="),
    ("redis+sentinel://a/m?sentinel-password=x&y", "in a password & is %26"),
    ("redis+sentinel://a/m?sentinel-password=x&sentinel-password=y", "sentinel-password is given twice"),
    ("redis+sentinel://a/m?sentinel-user=x&sentinel-user=y&sentinel-password=z", "sentinel-user is given twice"),
    ("rediss+sentinel://a/m?server-name=x&server-name=y", "server-name is given twice"),
    ("redis+sentinel://a/m?server-name=x", "rediss+sentinel://"),
    ("rediss+sentinel://a/m?server-name=.x", "a name or an address"),
    ("redis+sentinel://a/m?sentinel-user=x", "goes with sentinel-password"),
    ("redis+sentinel://a/m?sentinel-password=%zz", "hexadecimal"), ("redis+sentinel://a/m#x", "#"),
    ("redis+sentinel://user@a/m", "user:password@"), ("redis+sentinel://a/m?sentinel-password=p@ss", "%40"),
    (
      "redis+sentinel://" + (0...16).map { "a\($0)" }.joined(separator: ",") + "/m",
      "at most 16 Sentinels can be given, not 17"
    ),
  ])
  func saysWhatIsWrong(text: String, words: String) {
    let error = #expect(throws: RedisURLError.self) { try SentinelURL(text) }
    #expect(error?.description.contains(words) == true, "\(String(describing: error))")
  }

  @Test(arguments: [
    "redis+sentinel://alice:hunter2@a", "redis+sentinel://alice:hunter2@a:x/m", "redis+sentinel://alice:hunter2/x@a/m",
    "redis+sentinel://alice:hunter2@a/m?x=1",
    "redis+sentinel://a/m?sentinel-password=hunter2&sentinel-password=hunter2",
    "redis+sentinel://a/m?sentinel-password=a&hunter2", "redis+sentinel://a/m?sentinel-password=a&hunter2=b",
    "redis+sentinel://a/m?sentinel-password=hunter2%", "redis+sentinel://a/m?sentinel-password=p@hunter2",
    "redis+sentinel://alice:hunter2", "redis+sentinel://a/m/0?hunter2",
  ])
  func neverShowsAPasswordInErrors(text: String) {
    let error = #expect(throws: RedisURLError.self) { try SentinelURL(text) }
    #expect(error?.description.contains("hunter2") == false)
  }

  @Test(arguments: [
    ("redis+sentinel://a,b:1/m", "redis+sentinel://a:26379,b:1/m/0"),
    (
      "redis+sentinel://al%0Aice:hunter2@[::1]/m%2Fn/4?sentinel-password=hunter2&sentinel-user=gu%20ard",
      "redis+sentinel://al%0Aice:***@[::1]:26379/m%2Fn/4?sentinel-user=gu%20ard&sentinel-password=***"
    ),
    (
      "rediss+sentinel://:hunter2@a/m?sentinel-password=hunter2&server-name=x.example",
      "rediss+sentinel://:***@a:26379/m/0?sentinel-password=***&server-name=x.example"
    ),
  ])
  func describesItselfWithoutThePasswords(text: String, description: String) throws {
    let target = try RedisTarget(text)
    #expect(target.description == description)
    #expect(!String(reflecting: target).contains("hunter2") && !"\([target])".contains("hunter2"))
  }
}
