import Model
import Node
import Reactor
import Testing

@Suite struct NodeConfigurationTests {
  @Test func anOpenNodeIsMeantToBe() throws {
    #expect(refusal { try NodeConfiguration(settings()).validated() }.contains("--allow-anonymous"))
    let flags: [[Setting: [String]]] = [
      [.dev: ["true"]], [.allowAnonymous: ["true"]], [.jwtSecret: ["s3cr3t"]], [.jwtKey: ["key.pem"]],
      [.jwks: ["keys.json"]],
    ]
    for flags in flags { _ = try NodeConfiguration(settings(flags)).validated() }
  }

  @Test func whoMayDoWhatByDefault() throws {
    let dev = try NodeConfiguration(settings([.dev: ["true"], .jwtSecret: ["s3cr3t"]]))
    #expect(dev.isOpen)
    #expect(dev.rules.direct == .anyone)
    #expect(dev.rules.rules.map(\.match.text) == ["demo:doc:*", "demo:*", "*"])
    #expect(dev.rules.rules.first?.history == HistoryRule(size: 2_000, timeToLive: 3_600_000))
    #expect(dev.rules.rules[1].history == HistoryRule(size: 100, timeToLive: 600_000))
    #expect(dev.rules.rules.last == ChannelRules.standard(isOpen: true).rules.last)
    let known = try NodeConfiguration(settings([.jwtSecret: ["s3cr3t"]]))
    #expect(known.isAuthenticated)
    #expect(known.rules == .standard(isOpen: false))
    #expect(try NodeConfiguration(settings([.allowAnonymous: ["true"]])).rules == .standard(isOpen: true))
  }

  @Test(arguments: [
    ([Setting.apiKey: ["1234567890123456 "]], "spaces"),
    ([.apiKey: ["1234567890123456"], .apiReadKey: ["1234567890123456"]], "same key"),
    ([.maxOutbox: ["100KiB"]], "--max-outbox"), ([.node: ["a b"]], "--node"), ([.wsPath: ["ws"]], "--ws-path"),
    ([.echo: ["true"], .wsPath: ["/echo"]], "--echo"), ([.host: ["example.com"]], "--host"),
    ([.listen: ["/path"]], "--listen"), ([.listen: ["unix://run/a"]], "unix:///path"),
    ([.listen: ["unix:///run/"]], "unix:///path"), ([.redis: ["redis://a", "redis://a:6379/0"]], "twice"),
    ([.redis: ["redis+sentinel://a,b/m", "redis+sentinel://b,c/m"]], "twice"),
    (
      [.redis: ["redis+sentinel://a,b/m", "redis+sentinel://c/n", "redis+sentinel://d/m"]],
      "URL 3 of 3: there is another primary of the name m and its database 0"
    ),
    ([.redis: ["redis://a/0", "redis://a/1"]], "are one server"),
    ([.redis: ["redis://a", "redis+sentinel://a"]], "URL 2 of 2: Sentinels need the name of the primary"),
    ([.redis: ["redis+cluster://a", "redis://b"]], "redis+cluster://a:6379 is a Cluster, which stands alone"),
    ([.redis: ["redis://a", "redis+cluster://b"]], "URL 2 of 2: redis+cluster://b:6379 is a Cluster"),
    ([.redis: ["redis+cluster://a", "redis+cluster://a"]], "stands alone"),
    ([.redis: ["redis+cluster://a"], .redisPrefix: ["a{b"]], "--redis-prefix takes no { and no }"),
    ([.redis: ["rediss+cluster://a"], .redisPrefix: ["}"]], "--redis-prefix takes no { and no }"),
    ([.redis: ["redis+cluster://a"], .redisCA: ["/ca.pem"]], "rediss+cluster://"),
    ([.redis: ["redis+sentinel://a/m"], .redisCA: ["/ca.pem"]], "rediss+sentinel://"),
    ([.port: ["65536"]], "--port"),
  ])
  func whatCannotBe(_ flags: [Setting: [String]], _ hint: String) {
    let error = refusal { try NodeConfiguration(settings(flags.merging([.dev: ["true"]]) { $1 })).validated() }
    #expect(error.contains(hint), "\(error)")
  }

  @Test(arguments: [
    ["redis+sentinel://a,b/m", "redis+sentinel://a,b/n"], ["redis+sentinel://a/m", "redis+sentinel://b/m/1"],
    ["redis+sentinel://a:6379/m", "redis://a"],
  ])
  func listsThatMayBe(_ urls: [String]) throws {
    #expect(try NodeConfiguration(settings([.redis: urls, .dev: ["true"]])).redis.count == urls.count)
  }

  @Test(arguments: [
    ([Setting.dev: ["true"]], 0), ([.dev: ["true"], .host: ["0.0.0.0"]], 1), ([.dev: ["true"], .host: ["::1"]], 0),
    ([.dev: ["true"], .host: ["127.9.9.9"]], 0), ([.dev: ["true"], .listen: ["unix:///tmp/a"]], 0),
    ([.allowAnonymous: ["true"]], 0), ([.jwtSecret: [String(repeating: "x", count: 31)]], 1),
    ([.jwtSecret: [String(repeating: "x", count: 32)]], 0), ([.dev: ["true"], .apiKey: ["short"]], 1),
    ([.dev: ["true"], .apiReadKey: ["123456789012345"]], 1), ([.dev: ["true"], .apiKey: ["1234567890123456"]], 0),
    ([.allowAnonymous: ["true"], .jwtAudience: ["apus"]], 1), ([.dev: ["true"], .backend: ["http://a"]], 1),
    ([.dev: ["true"], .backend: ["http://a"], .backendSecret: [String(repeating: "x", count: 32)]], 0),
    ([.dev: ["true"], .backend: ["http://a"], .backendSecret: [String(repeating: "x", count: 31)]], 1),
    ([.dev: ["true"], .backendSecret: [String(repeating: "x", count: 32)]], 1),
    ([.dev: ["true"], .allowedOrigin: ["null"]], 1), ([.dev: ["true"], .allowedOrigin: ["*"]], 0),
    ([.dev: ["true"], .allowedOrigin: ["*", "https://a.example"]], 1),
  ])
  func warnings(_ flags: [Setting: [String]], _ count: Int) throws {
    #expect(try NodeConfiguration(settings(flags)).warnings.count == count)
  }

  @Test func addresses() throws {
    #expect(try text([:]) == ["0.0.0.0:8080"])
    #expect(try text([.dev: ["true"]]) == ["127.0.0.1:8080"])
    #expect(try text([.host: ["localhost"], .port: ["0"]]) == ["127.0.0.1:0"])
    #expect(try text([.listen: ["unix:///tmp/a"]]).count == 1)
    #expect(try text([.listen: ["unix:///tmp/a"], .port: ["80"]]).count == 2)
  }

  private func text(_ flags: [Setting: [String]]) throws -> [String] {
    try NodeConfiguration(settings(flags)).addresses.map(\.description)
  }
}
