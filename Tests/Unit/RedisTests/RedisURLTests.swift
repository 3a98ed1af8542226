import Redis
import Testing

struct RedisURLTests {
  @Test(
    arguments: [
      ("redis://localhost", "localhost", 6379, nil, nil, 0),
      ("redis://localhost/", "localhost", 6379, nil, nil, 0),
      ("REDIS://localhost/2", "localhost", 6379, nil, nil, 2),
      ("redis://redis-1.example.com:6380/15", "redis-1.example.com", 6380, nil, nil, 15),
      ("redis://10.0.0.1:1", "10.0.0.1", 1, nil, nil, 0),
      ("redis://[::1]:6379", "::1", 6379, nil, nil, 0),
      ("redis://[::1]", "::1", 6379, nil, nil, 0),
      ("redis://[fe80::1%eth0]:65535/1", "fe80::1%eth0", 65535, nil, nil, 1),
      ("redis://alice:secret@host", "host", 6379, "alice", "secret", 0),
      ("redis://:secret@host", "host", 6379, nil, "secret", 0),
      ("redis://:@host", "host", 6379, nil, nil, 0),
      ("redis://alice:@host", "host", 6379, "alice", "", 0),
      ("redis://a%3Ab:p%40ss%2Fw%25%C3%A9@host", "host", 6379, "a:b", "p@ss/w%é", 0),
      ("redis://alice:p@ss:word@host:7000", "host", 7000, "alice", "p@ss:word", 0),
    ] as [(String, String, UInt16, String?, String?, Int)])
  func readsTCP(text: String, host: String, port: UInt16, user: String?, password: String?, database: Int) throws {
    let url = try RedisURL(text)
    #expect(url.endpoint == .tcp(host: host, port: port))
    #expect(url.user == user)
    #expect(url.password == password)
    #expect(url.database == database)
  }

  @Test(
    arguments: [
      ("unix:///run/redis.sock", "/run/redis.sock", nil, nil, 0),
      ("unix:///run/redis.sock?db=1", "/run/redis.sock", nil, nil, 1),
      ("unix:///a%20b%3F/s", "/a b?/s", nil, nil, 0),
      ("unix://alice:secret@/run/redis.sock?db=3", "/run/redis.sock", "alice", "secret", 3),
      ("unix:///" + String(repeating: "x", count: 106), "/" + String(repeating: "x", count: 106), nil, nil, 0),
    ] as [(String, String, String?, String?, Int)])
  func readsUnix(text: String, path: String, user: String?, password: String?, database: Int) throws {
    let url = try RedisURL(text)
    #expect(url.endpoint == .unix(path: path))
    #expect(url.user == user)
    #expect(url.password == password)
    #expect(url.database == database)
  }

  @Test(arguments: [
    "", "localhost", "localhost:6379", "redis:", "redis:/localhost", "redis://", "redis:///0", "://host",
    "http://localhost", "redis+unix:///a", "redis://ho st", "redis://h%41st", "redis://host\r\n", "redis://hôst",
    "redis://host:", "redis://host:0", "redis://host:65536", "redis://host:-1", "redis://host:+1", "redis://host:x",
    "redis://host:99999999999999999999", "redis://::1", "redis://::1:6379", "redis://[::1", "redis://[]",
    "redis://[host]", "redis://[::1]x", "redis://[::1]6379", "redis://host/x", "redis://host/-1", "redis://host/+1",
    "redis://host/0/1", "redis://host//", "redis://host/99999999999", "redis://host?db=1", "redis://host/0?x=1",
    "redis://host/0#x", "redis://user@host", "redis://user:p%4@host", "redis://user:p%zz@host",
    "redis://user:p%+1@host",
    "redis://user:%ff@host", "redis://user:pass/word@host", "redis://user:pass#word@host", "redis://user:p?w@host",
    "unix://", "unix:///", "unix://run/redis.sock", "unix://host:1/run/redis.sock", "unix:///a%00b", "unix:///a?x=1",
    "unix:///a?db=", "unix:///a?db=x", "unix:///a?db=1&x=2", "unix:///a?", "unix:///a#b",
    "unix:///" + String(repeating: "x", count: 107),
  ])
  func refuses(text: String) {
    #expect(throws: RedisURLError.self) { try RedisURL(text) }
  }

  @Test(
    arguments: [
      ("redis://host", false, nil), ("unix:///a", false, nil), ("rediss://host", true, nil),
      ("REDISS://alice:secret@[::1]:6380/1", true, nil),
      ("rediss://10.0.0.1?server-name=redis.example", true, "redis.example"),
      ("rediss://host/2?server-name=%3A%3A1", true, "::1"),
    ] as [(String, Bool, String?)])
  func readsTLS(text: String, isSecure: Bool, serverName: String?) throws {
    let url = try RedisURL(text)
    #expect(url.isSecure == isSecure)
    #expect(url.serverName == serverName)
  }

  @Test(arguments: [
    ("rediss://host?", "?server-name="), ("rediss://host?x=1", "?server-name="),
    ("rediss://host?server-name=a&x=1", "?server-name="), ("rediss://host?server-name=", "a name or an address"),
    ("rediss://host?server-name=a%20b", "a name or an address"),
    ("rediss://host?server-name=.a.example", "a name or an address"),
    ("rediss://host?server-name=" + String(repeating: "a", count: 254), "a name or an address"),
    ("rediss+unix:///a", "rediss://"),
  ])
  func saysWhatTLSTakes(text: String, words: String) {
    let error = #expect(throws: RedisURLError.self) { try RedisURL(text) }
    #expect(error?.description.contains(words) == true)
  }

  @Test(arguments: [
    "rediss://alice:hunter2@host?x=1", "redis://alice:hunter2/x@host", "redis://alice:hunter2%@host",
    "redis://:hunter2",
    "redis://alice:hunter2@", "redis://alice:hunter2@host:x", "redis://alice:hunter2@host/x", "alice:hunter2@host",
    "unix://alice:hunter2@run/a", "redis://alice:hunter2",
  ])
  func neverShowsThePasswordInErrors(text: String) {
    let error = #expect(throws: RedisURLError.self) { try RedisURL(text) }
    #expect(error?.description.contains("hunter2") == false)
  }

  @Test(arguments: [
    ("redis://host", "redis://host:6379/0"),
    ("redis://[::1]/1", "redis://[::1]:6379/1"),
    ("rediss://:hunter2@host/1?server-name=a.example", "rediss://:***@host:6379/1?server-name=a.example"),
    ("redis://alice:hunter2@host", "redis://alice:***@host:6379/0"),
    ("redis://:hunter2@host", "redis://:***@host:6379/0"),
    ("redis://a%0Ab:hunter2@host", "redis://a%0Ab:***@host:6379/0"),
    ("unix:///run/re%20dis.sock?db=2", "unix:///run/re%20dis.sock?db=2"),
    ("unix://:hunter2@/run/redis.sock", "unix://:***@/run/redis.sock?db=0"),
  ])
  func describesItselfWithoutThePassword(text: String, description: String) throws {
    let url = try RedisURL(text)
    #expect(url.description == description)
    struct Holder { let url: RedisURL }
    #expect(!"\(Holder(url: url))".contains("hunter2"))
    #expect(!String(reflecting: url).contains("hunter2"))
  }
}
