import Glibc
@testable import Reactor
import Testing

@Suite struct SocketAddressTests {
  @Test(arguments: [
    ("127.0.0.1", UInt16(80), "127.0.0.1:80"), ("0.0.0.0", 0, "0.0.0.0:0"),
    ("255.1.2.254", 65_535, "255.1.2.254:65535"), ("::1", 8080, "[::1]:8080"), ("::", 1, "[::]:1"),
    ("2001:DB8:0:0:0:0:0:1", 443, "[2001:db8::1]:443"), ("::ffff:10.0.0.1", 5, "[::ffff:10.0.0.1]:5"),
  ])
  func numericHosts(_ host: String, _ port: UInt16, _ description: String) throws {
    let address = try #require(SocketAddress(numericHost: host, port: port))
    #expect(address.description == description)
    #expect(address == SocketAddress(numericHost: host, port: port))
    #expect(address != SocketAddress(numericHost: host, port: port ^ 1))
    #expect(address.family == (host.contains(":") ? AF_INET6 : AF_INET))
  }

  @Test(arguments: [
    "", "localhost", "example.com", "1.2.3", "1.2.3.4.5", "256.1.1.1", "1.2.3.4 ", " 1.2.3.4", "01.2.3.4x", "[::1]",
    "::1::", "1.2.3.4:80", "fe80::1%lo", "12345::",
  ])
  func whatIsNoNumericHost(_ host: String) {
    #expect(SocketAddress(numericHost: host, port: 1) == nil)
  }

  @Test func unixPaths() throws {
    let address = try #require(SocketAddress(unixPath: "/run/apus.sock"))
    #expect(address.description == "unix:///run/apus.sock")
    #expect(address.family == AF_UNIX)
    #expect(SocketAddress(unixPath: "") == nil)
    #expect(SocketAddress(unixPath: "/a\0b") == nil)
    #expect(SocketAddress(unixPath: String(repeating: "x", count: 107)) != nil)
    #expect(SocketAddress(unixPath: String(repeating: "x", count: 108)) == nil)
    #expect(SocketAddress(unixPath: String(repeating: "é", count: 53) + "x") != nil)
    #expect(SocketAddress(unixPath: String(repeating: "é", count: 54)) == nil, "bytes, not characters")
  }

  @Test func anotherPortOfTheSameHost() throws {
    let v4 = try #require(SocketAddress(numericHost: "10.0.0.1", port: 1))
    let v6 = try #require(SocketAddress(numericHost: "::1", port: 1))
    let unix = try #require(SocketAddress(unixPath: "/x"))
    #expect(v4.with(port: 2).description == "10.0.0.1:2")
    #expect(v6.with(port: 2).description == "[::1]:2")
    #expect(unix.with(port: 2) == unix)
  }

  // MARK: As the kernel sees it

  /// The bytes after the family.
  private func bytes(_ address: SocketAddress) -> [UInt8] {
    address.withSockaddr { pointer, size in
      #expect(Int32(pointer.pointee.sa_family) == address.family)
      return Array(UnsafeRawBufferPointer(start: pointer, count: Int(size)).dropFirst(2))
    }
  }

  @Test func portAndHostAreInNetworkOrder() throws {
    let v4 = try #require(SocketAddress(numericHost: "10.20.30.40", port: 0x1234))
    #expect(bytes(v4) == [0x12, 0x34, 10, 20, 30, 40] + [UInt8](repeating: 0, count: 8))
    let v6 = try #require(SocketAddress(numericHost: "2001:db8::ff", port: 0x1234))
    let host: [UInt8] = [0x20, 0x01, 0x0D, 0xB8] + [UInt8](repeating: 0, count: 11) + [0xFF]
    // Port, flow label, host, scope.
    #expect(bytes(v6) == [0x12, 0x34, 0, 0, 0, 0] + host + [0, 0, 0, 0])
  }

  @Test func aPathEndsWithAZero() throws {
    let short = try #require(SocketAddress(unixPath: "/x"))
    #expect(bytes(short) == Array("/x".utf8) + [UInt8](repeating: 0, count: 106))
    let longest = try #require(SocketAddress(unixPath: String(repeating: "x", count: 107)))
    #expect(bytes(longest) == [UInt8](repeating: UInt8(ascii: "x"), count: 107) + [0])
  }
}
