import Server
import Testing

@Suite struct OriginPolicyTests {
  @Test(arguments: [
    ("https://example.com", "example.com"), ("http://example.com", "example.com"),
    ("http://example.com:8080", "example.com:8080"), ("https://EXAMPLE.com", "example.COM"),
    ("HTTPS://example.com", "example.com"), ("http://localhost:3000", "localhost:3000"),
    // The default port may be written out on either side.
    ("https://example.com:443", "example.com"), ("https://example.com", "example.com:443"),
    ("http://example.com:80", "example.com"), ("http://example.com", "example.com:80"),
    ("http://[::1]:8080", "[::1]:8080"), ("http://[::1]", "[::1]"), ("http://[::1]", "[::1]:80"),
    ("https://[2001:db8::1]:443", "[2001:DB8::1]"), ("http://127.0.0.1:8080", "127.0.0.1:8080"),
  ])
  func thePagesOfTheNodeItselfMay(_ origin: String, _ host: String) {
    #expect(OriginPolicy().permits(origin: origin, host: host))
  }

  @Test(arguments: [
    ("https://evil.com", "example.com"), ("https://example.com.evil.com", "example.com"),
    ("https://evilexample.com", "example.com"), ("https://sub.example.com", "example.com"),
    ("https://example.com", "sub.example.com"), ("https://example.com:8443", "example.com"),
    ("http://example.com:8080", "example.com"), ("http://example.com", "example.com:8080"),
    ("http://example.com:8080", "example.com:8081"), ("https://example.com", "example.com:80"),
    ("http://example.com", "example.com:443"), ("http://[::1]:8080", "[::1]"), ("http://[::1]", "[::2]"),
    ("http://[::1]:80", "[::1]:8080"),
    // No browser sends these.
    ("null", "example.com"), ("null", "null"), ("", "example.com"), ("", ""), ("https://", ""),
    ("example.com", "example.com"),
    ("//example.com", "example.com"), ("ftp://example.com", "example.com"), ("ws://example.com", "example.com"),
    ("file://example.com", "example.com"), ("https://example.com/", "example.com"),
    ("https://example.com/path", "example.com"), ("https://user@example.com", "example.com"),
    ("https://example.com https://evil.com", "example.com"), ("://example.com", "example.com"),
  ])
  func othersMayNot(_ origin: String, _ host: String) {
    #expect(!OriginPolicy().permits(origin: origin, host: host))
  }

  @Test func programsThatAreNoBrowserSendNone() {
    #expect(OriginPolicy().permits(origin: nil, host: "example.com"))
    #expect(OriginPolicy(allowed: ["https://app.example.com"]).permits(origin: nil, host: "example.com"))
  }

  @Test func whatIsListedMayToo() {
    let policy = OriginPolicy(allowed: ["https://App.example.com", "http://localhost:3000"])
    #expect(policy.permits(origin: "https://app.example.com", host: "ws.example.com"))
    #expect(policy.permits(origin: "https://APP.EXAMPLE.COM", host: "ws.example.com"))
    #expect(policy.permits(origin: "http://localhost:3000", host: "ws.example.com"))
    #expect(policy.permits(origin: "https://ws.example.com", host: "ws.example.com"), "and the node itself")
    #expect(!policy.permits(origin: "http://app.example.com", host: "ws.example.com"), "the scheme is part of it")
    #expect(!policy.permits(origin: "https://app.example.com:8443", host: "ws.example.com"))
    #expect(!policy.permits(origin: "http://localhost:3001", host: "ws.example.com"))
    #expect(!policy.permits(origin: "https://x.app.example.com", host: "ws.example.com"))
    #expect(!policy.permits(origin: "null", host: "ws.example.com"))
  }

  @Test func aStarIsEverybody() {
    let policy = OriginPolicy(allowed: ["*"])
    for origin in ["https://evil.com", "http://localhost", "https://example.com:1234"] {
      #expect(policy.permits(origin: origin, host: "example.com"), "\(origin)")
    }
  }

  @Test func aStarInANameIsNoPattern() {
    let policy = OriginPolicy(allowed: ["https://*.example.com"])
    #expect(!policy.permits(origin: "https://app.example.com", host: "ws.example.org"))
  }

  @Test func nobodysOriginMustBeNamed() {
    #expect(OriginPolicy(allowed: ["null"]).permits(origin: "null", host: "example.com"))
    #expect(!OriginPolicy(allowed: ["null"]).permits(origin: "https://evil.com", host: "example.com"))
  }

  @Test func byHTTPSAPageOfHTTPIsForeign() {
    #expect(OriginPolicy().permits(origin: "https://example.com", host: "example.com", isSecure: true))
    #expect(!OriginPolicy().permits(origin: "http://example.com", host: "example.com", isSecure: true))
    #expect(!OriginPolicy().permits(origin: "http://example.com:443", host: "example.com:443", isSecure: true))
    let named = OriginPolicy(allowed: ["http://example.com"])
    #expect(named.permits(origin: "http://example.com", host: "example.com", isSecure: true))
    #expect(OriginPolicy().permits(origin: nil, host: "example.com", isSecure: true))
  }

  @Test(arguments: [
    ("http://localhost:3000", true), ("https://localhost:3000", true), ("http://localhost", true),
    ("http://app.localhost:5173", true), ("http://a.b.localhost", true), ("http://LOCALHOST:1", true),
    ("http://127.0.0.1:3000", true), ("http://127.9.8.7", true), ("https://[::1]:3000", true),
    ("null", false), ("http://localhost.evil.com", false), ("http://evil.com", false), ("http://evillocalhost", false),
    ("http://.localhost", false), ("http://a..localhost", false), ("http://127.0.0.1.evil.com", false),
    ("http://127.1", false), ("http://128.0.0.1", false), ("http://10.0.0.1:3000", false), ("http://[::2]", false),
    ("http://localhost/", false), ("http://localhost:3000/x", false), ("http://localhost:x", false),
    ("http://localhost@evil.com", false), ("http://evil.com@localhost", false), ("ftp://localhost", false),
    ("http://evil.com/.localhost", false), ("http://evil.com#.localhost", false),
    ("chrome-extension://localhost", false),
  ])
  func inDevelopmentThisMachineMay(_ origin: String, _ may: Bool) {
    #expect(OriginPolicy(allowsLoopback: true).permits(origin: origin, host: "127.0.0.1:8080") == may)
    let own = OriginPolicy().permits(origin: origin, host: "127.0.0.1:8080")
    #expect(!own, "and nowhere else")
  }
}
