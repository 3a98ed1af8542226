import Node
import Testing

/// Hosts, origins and paths that could never be met are refused with the right form.
@Suite struct WebNameTests {
  @Test(arguments: [
    "*", "null", "https://app.example.com", "http://app.example.com:8080", "HTTPS://App.example.com",
    "http://localhost",
    "https://a_b.example", "http://10.0.0.1:3000", "https://[2001:db8::7]:8443", "http://[::1]", "https://example.com.",
    "https://xn--bcher-kva.example", "chrome-extension://abcdefghijklmnop", "capacitor://localhost", "file://",
  ])
  func originsOfBrowsers(_ origin: String) throws {
    #expect(try settings([.allowedOrigin: [origin]]).texts(.allowedOrigin) == [origin])
  }

  @Test(arguments: [
    ("https://app.example.com/", "write https://app.example.com."),
    ("https://a.example/x?y#z", "write https://a.example."),
    ("https://a.example?", "write https://a.example."), ("a.example", "write https://a.example."),
    ("//a.example", "begin with https://"), ("localhost:3000", "begin with https://"),
    ("https://a.example:443", "write https://a.example."), ("http://a.example:80", "write http://a.example."),
    ("http://a.example:080", "write http://a.example."), ("https://a.example:80/", "write https://a.example:80."),
    ("https://a.example:", "write https://a.example."), ("https://a.example:0", "from 1 to 65535"),
    ("https://a.example:65536", "from 1 to 65535"), ("https://a.example:http", "no host"),
    ("https://*.example.com", "patterns are not"), ("https://*", "patterns are not"),
    ("*://a.example", "patterns are not"),
    ("wss://a.example", "write https://a.example."), ("ws://a.example:8080", "write http://a.example:8080."),
    ("https://user:x@a.example", "write https://a.example."), ("https://", "no host"), ("https:///x", "no host"),
    ("https://bücher.example", "punycode"), ("https://a.example,https://b.example", "repeat"),
    ("https://a.example https://b.example", "repeat"), ("http://127.1", "no host"), ("http://2130706433", "no host"),
    ("http://[0:0::1]:3000", "write http://[::1]:3000."), ("file:///", "write file://."),
    ("https://a..example", "no host"),
    ("https://a<b", "no host"),
  ])
  func originsNoBrowserSends(_ origin: String, _ hint: String) {
    let error = refusal { try settings([.allowedOrigin: [origin]]).texts(.allowedOrigin) }
    #expect(error.hasPrefix("--allowed-origin takes an origin such as https://app.example.com, not '\(origin)': "))
    #expect(error.contains(hint), "\(error)")
  }

  @Test(arguments: ["apus.example.com", "Apus", "a_b.example", "10.0.0.1", "::1", "[::1]", "localhost", "example.com."])
  func hosts(_ host: String) throws {
    #expect(try settings([.allowedHost: [host]]).texts(.allowedHost) == [host])
  }

  @Test(arguments: [
    ("https://a.example", "write a.example."), ("a.example:8080", "write a.example."),
    ("a.example/", "write a.example."),
    ("http://u@a.example:80/x", "write a.example."), ("[::1]:80", "write [::1]."), ("*", "patterns are not"),
    ("*.example.com", "patterns are not"), (".example.com", "not the name"), ("bücher.example", "punycode"),
    ("a.example,b.example", "repeat"), ("127.1", "not the name"), ("a b", "repeat"), (":80", "not the name"),
  ])
  func hostsThatNoRequestNames(_ host: String, _ hint: String) {
    let error = refusal { try settings([.allowedHost: [host]]).texts(.allowedHost) }
    #expect(error.hasPrefix("--allowed-host takes a host such as apus.example.com, not '\(host)': "), "\(error)")
    #expect(error.contains(hint), "\(error)")
  }

  @Test(arguments: ["/ws", "/socket", "/a/b", "/events2", "/chat/ws", "/apix", "/wé", "/ws/", "/a.b"])
  func pathsOfAWebSocket(_ path: String) throws {
    #expect(try settings([.wsPath: [path]]).text(.wsPath) == path)
  }

  @Test(arguments: [
    "/healthz", "/readyz", "/metrics", "/openapi.json", "/events", "/poll", "/commands", "/chat", "/dashboard",
    "/editor",
    "/match", "/notifications", "/apus.js", "/apus.d.ts", "/apus-extras.js", "/api", "/app", "/apps", "/console",
  ])
  func pathsThatAreTaken(_ path: String) {
    for path in [path, path + "/"] {
      let error = refusal { try settings([.wsPath: [path]]).text(.wsPath) }
      #expect(error.hasPrefix("--ws-path takes a path such as /ws, not '\(path)': "), "\(error)")
      #expect(error.hasSuffix(" is reserved."), "\(error)")
    }
  }

  @Test(arguments: [
    ("ws", "begin with"), ("/", "/ is reserved"), ("/api/x", "/api is reserved"), ("/app/key", "/app is reserved"),
    ("/echo", "--echo"), ("/echo/", "--echo"), ("/a b", "a space"), ("/a?b", "'?'"), ("/a#b", "'#'"),
    ("/a\\b", "a space"),
    ("/%77s", "escapes"), ("/a/../ws", "'..'"), ("/./ws", "'.'"), ("/a\n", "a space"),
  ])
  func pathsThatCannotBe(_ path: String, _ hint: String) {
    let error = refusal { try settings([.wsPath: [path]]).text(.wsPath) }
    #expect(error.contains(hint), "\(error)")
  }

  @Test func theFileIsRefusedByItsLine() throws {
    let file = try TemporaryFile("\nallowed-origin:\n  - https://a.example\n  - https://b.example/")
    let error = refusal { try settings(file: file) }
    #expect(error.hasPrefix("\(file.path), line 4: `allowed-origin` takes"), "\(error)")
  }
}
