import Glibc

/// Where to listen or connect: a numeric IP address with a port, or the path of a unix socket.
package enum SocketAddress: Hashable, Sendable, CustomStringConvertible {
  case ipv4(bytes: UInt32, port: UInt16)
  case ipv6(bytes: SIMD16<UInt8>, port: UInt16)
  /// At most 107 bytes.
  case unix(path: String)

  /// The longest path that `sockaddr_un` holds, in bytes, without its terminating zero.
  package static let maxUnixPath = 107

  /// The address of a numeric host, or nil when `host` is a name or nonsense.
  package init?(numericHost host: String, port: UInt16) {
    var v4 = in_addr()
    var v6 = in6_addr()
    if inet_pton(AF_INET, host, &v4) == 1 {
      self = .ipv4(bytes: v4.s_addr, port: port)
    } else if inet_pton(AF_INET6, host, &v6) == 1 {
      self = .ipv6(bytes: withUnsafeBytes(of: &v6) { $0.loadUnaligned(as: SIMD16<UInt8>.self) }, port: port)
    } else {
      return nil
    }
  }

  /// The address of a unix socket, or nil when the path does not fit.
  package init?(unixPath path: String) {
    guard !path.isEmpty, path.utf8.count <= Self.maxUnixPath, !path.utf8.contains(0) else { return nil }
    self = .unix(path: path)
  }

  package var family: Int32 {
    switch self {
    case .ipv4: AF_INET
    case .ipv6: AF_INET6
    case .unix: AF_UNIX
    }
  }

  /// The same host with another port; a unix socket stays as it is.
  func with(port: UInt16) -> SocketAddress {
    switch self {
    case .ipv4(let bytes, _): .ipv4(bytes: bytes, port: port)
    case .ipv6(let bytes, _): .ipv6(bytes: bytes, port: port)
    case .unix: self
    }
  }

  func withSockaddr<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
    switch self {
    case .ipv4(let bytes, let port):
      var address = sockaddr_in()
      address.sin_family = sa_family_t(AF_INET)
      address.sin_port = port.bigEndian
      address.sin_addr.s_addr = bytes
      return Self.lend(&address, size: MemoryLayout<sockaddr_in>.size, body)
    case .ipv6(let bytes, let port):
      var address = sockaddr_in6()
      address.sin6_family = sa_family_t(AF_INET6)
      address.sin6_port = port.bigEndian
      withUnsafeMutableBytes(of: &address.sin6_addr) { $0.storeBytes(of: bytes, as: SIMD16<UInt8>.self) }
      return Self.lend(&address, size: MemoryLayout<sockaddr_in6>.size, body)
    case .unix(let path):
      var address = sockaddr_un()
      address.sun_family = sa_family_t(AF_UNIX)
      withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8.prefix(Self.maxUnixPath)) }
      return Self.lend(&address, size: MemoryLayout<sockaddr_un>.size, body)
    }
  }

  private static func lend<Address, Result>(
    _ address: inout Address, size: Int, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
  ) -> Result {
    withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(size)) }
    }
  }

  package var description: String {
    switch self {
    case .ipv4(let bytes, let port):
      let host = withUnsafeBytes(of: bytes) { $0.map { String($0) }.joined(separator: ".") }
      return "\(host):\(port)"
    case .ipv6(var bytes, let port):
      var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
      inet_ntop(AF_INET6, &bytes, &text, socklen_t(text.count))
      let host = String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
      return "[\(host)]:\(port)"
    case .unix(let path): return "unix://\(path)"
    }
  }
}
