import Glibc
import LoopTestSupport
import Model
import Testing
@testable import Reactor

@Suite struct IPAddressTests {
  private func address(_ text: String) throws -> IPAddress { try #require(IPAddress(text)) }

  // MARK: Texts

  @Test(arguments: [
    ("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "0.0.0.0"), ("255.254.1.2", "255.254.1.2"), ("::", "::"), ("::1", "::1"),
    ("2001:DB8:0:0:0:0:0:1", "2001:db8::1"), ("1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"),
    ("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
    ("::ffff:10.0.0.1", "10.0.0.1"), ("::ffff:a00:1", "10.0.0.1"), ("0:0:0:0:0:FFFF:10.0.0.1", "10.0.0.1"),
    ("::fffe:a00:1", "::fffe:a00:1"), ("1::ffff:a00:1", "1::ffff:a00:1"),
  ])
  func textsAndBack(_ text: String, _ description: String) throws {
    #expect(try address(text).description == description)
    #expect(try address(text) == address(description))
  }

  @Test(arguments: [
    "", " ", "localhost", "unknown", "1", "1.2.3", "1.2.3.4.5", "256.1.1.1", "1.2.3.4 ", " 1.2.3.4", "01.2.3.4",
    "0x1.2.3.4",
    "+1.2.3.4", "1.2.3.-4", "1.2.3.4:80", "1.2.3.4/8", "1.2.3.4\0", "1.2.3.4\0.5", "::1\0", "١.2.3.4", "[::1]", "::1::",
    ":",
    ":::", "12345::", "g::", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "fe80::1%lo", "fe80::1%1", "::1 ", "::ffff:1.2.3",
    "::ffff:1.2.3.256",
  ])
  func whatIsNoAddress(_ text: String) {
    #expect(IPAddress(text) == nil)
  }

  @Test func mappedAddressesAreThoseOfIPv4() throws {
    #expect(try address("10.0.0.1").isIPv4)
    #expect(try address("0.0.0.0").isIPv4)
    #expect(try address("::ffff:10.0.0.1").isIPv4)
    #expect(try address("::ffff:10.0.0.1") == address("10.0.0.1"))
    for text in ["::", "::1", "::10.0.0.1", "::fffe:10.0.0.1", "1::ffff:10.0.0.1", "64:ff9b::10.0.0.1"] {
      #expect(try !address(text).isIPv4, "\(text)")
    }
    #expect(try Set([address("10.0.0.1"), address("::ffff:10.0.0.1"), address("::10.0.0.1")]).count == 2)
  }

  // MARK: Keys and prefixes

  @Test(arguments: [
    ("10.0.0.1", "10.0.0.1"), ("0.0.0.0", "0.0.0.0"), ("::ffff:10.0.0.1", "10.0.0.1"),
    ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"), ("2001:db8:1:2::", "2001:db8:1:2::"), ("::1", "::"),
    ("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff:ffff::"),
  ])
  func limitsCountIPv6ByHouseholds(_ text: String, _ key: String) throws {
    #expect(try address(text).limitKey.description == key)
    #expect(try address(text).limitKey.limitKey == address(text).limitKey)
  }

  @Test(arguments: [
    (0, "::"), (1, "8000::"), (16, "ffff::"), (63, "ffff:ffff:ffff:fffe::"), (64, "ffff:ffff:ffff:ffff::"),
    (65, "ffff:ffff:ffff:ffff:8000::"), (112, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:0"),
    (127, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe"), (128, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
  ])
  func prefixes(_ length: Int, _ prefix: String) throws {
    #expect(try address("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff").prefix(length) == address(prefix))
  }

  // MARK: As the kernel says it

  /// What `sockaddr` of that address and port makes, cut to `size` bytes.
  private func fromSockaddr(_ address: SocketAddress?, size: Int = .max) -> IPAddress? {
    address?.withSockaddr { pointer, whole in
      IPAddress(sockaddr: UnsafeRawBufferPointer(start: pointer, count: min(size, Int(whole))))
    }
  }

  @Test(arguments: ["10.20.30.40", "2001:db8::ff", "::ffff:10.20.30.40", "::"])
  func fromAnAddressOfASocket(_ host: String) throws {
    #expect(try fromSockaddr(SocketAddress(numericHost: host, port: 0x1234)) == address(host))
  }

  @Test func unixSocketsAndWhatIsCutShortHaveNone() throws {
    #expect(fromSockaddr(SocketAddress(unixPath: "/tmp/1.2.3.4")) == nil)
    for size in 0..<16 { #expect(fromSockaddr(SocketAddress(numericHost: "1.2.3.4", port: 1), size: size) == nil) }
    for size in 0..<28 { #expect(fromSockaddr(SocketAddress(numericHost: "1::2", port: 1), size: size) == nil) }
  }

  // MARK: Peers

  /// The peer that is told of a connection from `source` to a listener at `listening`, which may have been reset before
  /// it is accepted.
  private func peer(
    at listening: SocketAddress, host: String? = nil, from source: String? = nil, isReset: Bool = false
  ) throws -> IPAddress? {
    let socket = try ListeningSocket.open(listening, count: 1)[0]
    defer { Sys.close(socket.fd) }
    var target = socket.address
    if let host { target = try #require(SocketAddress(numericHost: host, port: Sys.boundPort(socket.fd) ?? 0)) }
    let client = try Sys.connect(to: target, from: source.flatMap { SocketAddress(numericHost: $0, port: 0) })
    if isReset {
      var immediately = linger(l_onoff: 1, l_linger: 0)
      setsockopt(client, SOL_SOCKET, SO_LINGER, &immediately, socklen_t(MemoryLayout<linger>.size))
      Sys.close(client)
    }
    var accepted: (fd: Int32, peer: IPAddress?) = (-1, nil)
    #expect(
      eventually {
        accepted = Sys.accept(socket.fd)
        return accepted.fd >= 0
      })
    Sys.close(accepted.fd)
    if !isReset { Sys.close(client) }
    return accepted.peer
  }

  private func peer(
    listening: String, host: String, from source: String? = nil, isReset: Bool = false
  ) throws -> IPAddress? {
    let listening = try #require(SocketAddress(numericHost: listening, port: 0))
    return try peer(at: listening, host: host, from: source, isReset: isReset)
  }

  @Test func peersOfTCP() throws {
    #expect(try peer(listening: "127.0.0.1", host: "127.0.0.1", from: "127.0.0.77") == address("127.0.0.77"))
    #expect(try peer(listening: "::1", host: "::1") == address("::1"))
    #expect(try peer(listening: "::", host: "127.0.0.1", from: "127.0.0.77") == address("127.0.0.77"), "mapped")
  }

  @Test func peersOfUnixSocketsHaveNone() throws {
    let folder = try TemporaryFolder()
    let listening = try #require(SocketAddress(unixPath: folder.file("socket")))
    #expect(try peer(at: listening) == nil)
  }

  /// Else who resets at once would pass for a unix socket, which is trusted.
  @Test func aConnectionThatWasResetHasItsPeer() throws {
    #expect(
      try peer(listening: "127.0.0.1", host: "127.0.0.1", from: "127.0.0.77", isReset: true) == address("127.0.0.77"))
  }
}
