import Model
import Reactor
import Server
import Testing

@Suite struct TrustedProxiesTests {
  /// The client's address as a text; `peer` nil is a unix socket, and so is an answer of nil "nobody knows".
  private func client(_ peer: String?, _ forwardedFor: String..., trusting blocks: String...) throws -> String? {
    let proxies = TrustedProxies(blocks: try blocks.map { try #require(AddressBlock($0)) })
    let peer = try peer.map { try #require(IPAddress($0)) }
    return proxies.client(peer: peer, forwardedFor: forwardedFor)?.description
  }

  @Test func whoIsNotTrustedIsTheClient() throws {
    #expect(try client("9.9.9.9") == "9.9.9.9")
    #expect(try client("9.9.9.9", "1.2.3.4") == "9.9.9.9", "no blocks")
    #expect(try client("9.9.9.9", "1.2.3.4", trusting: "10.0.0.0/8") == "9.9.9.9", "in none of the blocks")
    #expect(try client("127.0.0.1", "1.2.3.4") == "127.0.0.1", "no address is trusted by itself")
    #expect(try client("2001:db8::1", "1.2.3.4", trusting: "0.0.0.0/0", "fd00::/8") == "2001:db8::1")
  }

  @Test func aTrustedProxyNamesTheClient() throws {
    #expect(try client("10.0.0.1", "1.2.3.4", trusting: "10.0.0.0/8") == "1.2.3.4")
    #expect(try client("::ffff:10.0.0.1", "1.2.3.4", trusting: "10.0.0.0/8") == "1.2.3.4", "by a socket for both")
    #expect(try client("fd00::1", "2001:db8::7", trusting: "10.0.0.0/8", "fd00::/8") == "2001:db8::7")
    #expect(try client("10.0.0.1", trusting: "10.0.0.0/8") == "10.0.0.1", "or nobody")
  }

  @Test func theFirstFromTheRightWhoIsNotTrusted() throws {
    let forged = try client("10.0.0.1", "8.8.8.8", "1.2.3.4", trusting: "10.0.0.0/8")
    #expect(forged == "1.2.3.4", "the client itself has sent what stands left of it")
    let trustedForged = try client("10.0.0.1", "10.0.0.9", "1.2.3.4", trusting: "10.0.0.0/8")
    #expect(trustedForged == "1.2.3.4", "even what is an address of a proxy")
    let chain = try client("10.0.0.1", "8.8.8.8", "1.2.3.4", "10.0.0.3", "10.0.0.2", trusting: "10.0.0.0/8")
    #expect(chain == "1.2.3.4")
  }

  @Test func ifAllAreTrustedItIsTheLeftmost() throws {
    #expect(try client("10.0.0.1", "10.0.0.3", "10.0.0.2", trusting: "10.0.0.0/8") == "10.0.0.3")
    #expect(try client("10.0.0.1", "1.2.3.4", "::1", trusting: "0.0.0.0/0", "::/0") == "1.2.3.4")
  }

  // MARK: Unix sockets

  @Test func aUnixSocketIsTrusted() throws {
    #expect(try client(nil, "1.2.3.4") == "1.2.3.4")
    #expect(try client(nil, "8.8.8.8", "1.2.3.4") == "1.2.3.4", "but not whom it names")
    #expect(try client(nil, "8.8.8.8", "1.2.3.4", "10.0.0.1", trusting: "10.0.0.0/8") == "1.2.3.4")
    #expect(try client(nil, "10.0.0.2", "10.0.0.1", trusting: "10.0.0.0/8") == "10.0.0.2")
  }

  @Test func aUnixSocketWithoutAHeaderThatHelpsHasNoClient() throws {
    #expect(try client(nil) == nil)
    #expect(try client(nil, trusting: "0.0.0.0/0", "::/0") == nil)
    #expect(try client(nil, "unknown") == nil)
    #expect(try client(nil, "1.2.3.4", "unknown") == nil, "what stands left of it is nobody's word")
  }

  // MARK: Entries

  @Test(arguments: [
    "", " ", "unknown", "_hidden", "example.com", "1.2.3", "1.2.3.4.5", "1.2.3.4, 5.6.7.8", " 1.2.3.4", "1.2.3.4 ",
    "\"1.2.3.4\"",
    "1.2.3.4:", "1.2.3.4:x", "1.2.3.4:+80", "1.2.3.4:-0", "1.2.3.4: 80", "1.2.3.4:65536", "1.2.3.4:80:80", ":80", ":",
    "1.2.3.4/8", "[", "]", "[]", "[]:80", "[::1", "::1]", "[::1]]", "[[::1]]", "[::1]80", "[::1]:", "[::1]:x",
    "[::1]:65536",
    "[::1]:80x", "[1.2.3.4]", "[1.2.3.4]:80", "[1.2.3.4:80]", "x[::1]", "fe80::1%lo", "[fe80::1%lo]", "1.2.3.4\0",
    "unknown:80",
    "1.2.3.4:٨٠",
  ])
  func anEntryThatIsNoAddressEndsIt(_ entry: String) throws {
    #expect(try client("10.0.0.1", entry, trusting: "10.0.0.0/8") == "10.0.0.1", "the peer is the last one known")
    #expect(try client("10.0.0.1", "1.2.3.4", entry, trusting: "10.0.0.0/8") == "10.0.0.1")
    let behind = try client("10.0.0.1", "1.2.3.4", entry, "10.0.0.3", "10.0.0.2", trusting: "10.0.0.0/8")
    #expect(behind == "10.0.0.3", "the last that is an address")
    #expect(try client("10.0.0.1", entry, "1.2.3.4", trusting: "10.0.0.0/8") == "1.2.3.4", "nobody looks there")
  }

  @Test(arguments: [
    ("1.2.3.4", "1.2.3.4"), ("1.2.3.4:567", "1.2.3.4"), ("1.2.3.4:0", "1.2.3.4"), ("1.2.3.4:65535", "1.2.3.4"),
    ("::1", "::1"), ("2001:DB8::7", "2001:db8::7"), ("[::1]", "::1"), ("[::1]:80", "::1"),
    ("[2001:db8::7]:65535", "2001:db8::7"),
    ("::ffff:1.2.3.4", "1.2.3.4"), ("[::ffff:1.2.3.4]:80", "1.2.3.4"), ("2001:db8::1:80", "2001:db8::1:80"),
  ])
  func entriesWithAndWithoutAPort(_ entry: String, _ address: String) throws {
    #expect(try client(nil, entry) == address)
    #expect(try client("10.0.0.1", "8.8.8.8", entry, trusting: "10.0.0.0/8") == address)
  }

  @Test func aProxyIsTrustedWithAPort() throws {
    #expect(try client("10.0.0.1", "1.2.3.4", "10.0.0.2:567", trusting: "10.0.0.0/8") == "1.2.3.4")
    #expect(try client("10.0.0.1", "1.2.3.4", "[fd00::2]:567", trusting: "10.0.0.1", "fd00::/8") == "1.2.3.4")
  }

  @Test(arguments: [
    ("10.0.0.1", ["https"], true), ("10.0.0.1", ["HTTPS"], true), ("10.0.0.1", ["wss"], true),
    ("10.0.0.1", ["https", "http"], true), ("10.0.0.1", ["http", "https"], true), ("10.0.0.1", ["http"], false),
    ("10.0.0.1", [], false), ("10.0.0.1", ["https://"], false), ("9.9.9.9", ["https"], false), (nil, ["https"], true),
  ])
  func howTheClientCame(_ peer: String?, _ entries: [String], _ isSecure: Bool) throws {
    let proxies = TrustedProxies(blocks: [try #require(AddressBlock("10.0.0.0/8"))])
    let peer = try peer.map { try #require(IPAddress($0)) }
    #expect(proxies.isSecure(peer: peer, forwardedProto: entries) == isSecure)
  }
}
