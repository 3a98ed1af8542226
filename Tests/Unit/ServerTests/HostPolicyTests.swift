import Server
import Testing

@Suite struct HostPolicyTests {
  /// Names that nobody else can have, and addresses, which no name server leads elsewhere.
  @Test(arguments: [
    "localhost", "LocalHost:8080", "localhost:", "apus.localhost", "a.b-c_d.localhost:1", "127.0.0.1:8080", "10.0.0.7",
    "0.0.0.0:80", "203.0.113.9", "[::1]", "[::1]:8080", "[2001:DB8::7]:80", "[::ffff:10.0.0.1]",
  ])
  func thisMachineAndAddresses(_ host: String) {
    #expect(HostPolicy(isDevelopment: true).permits(host))
    #expect(HostPolicy(allowed: ["apus.test"]).permits(host), "also where names are given")
  }

  @Test(arguments: [
    "", ":80", "evil.test", "localhost.evil.test", "evillocalhost", ".localhost", "a..localhost", "localhost.",
    "127.0.0.1.evil.test", "127.1", "2130706433", "0x7f.0.0.1", "127.0.0.01", "127.0.0.256", "[127.0.0.1]", "[::1",
    "[::1]x", "[::1%25lo]", "::1", "localhost:http", "localhost:80:80", "user@localhost", "evil.test@localhost",
    "evil.test/.localhost", "evil.test#.localhost", "evil.test, localhost", "localhost, evil.test", "local host",
    "sub.apus.test", "apus.test.evil.test", "xapus.test", "*",
  ])
  func othersMustBeNamed(_ host: String) {
    #expect(!HostPolicy(isDevelopment: true).permits(host))
    #expect(!HostPolicy(allowed: ["apus.test"]).permits(host))
    #expect(!HostPolicy(allowed: ["apus.test"], isDevelopment: true).permits(host))
  }

  @Test(arguments: ["apus.test", "APUS.test:8080", "apus.test:"])
  func whatIsNamedWillDo(_ host: String) {
    for isDevelopment in [true, false] {
      #expect(HostPolicy(allowed: ["Apus.Test"], isDevelopment: isDevelopment).permits(host))
    }
    #expect(!HostPolicy(isDevelopment: true).permits(host))
  }

  @Test(arguments: ["", "evil.test", "anything at all"])
  func withoutNamesEveryHostWillDo(_ host: String) {
    #expect(HostPolicy().permitsAll)
    #expect(HostPolicy().permits(host))
  }
}
