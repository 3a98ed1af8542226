/// The address of a server, as a Sentinel or a server of a Cluster tells it.
package struct ServerAddress: Hashable, Sendable {
  /// A name or an address; an IPv6 address without brackets.
  package let host: String
  package let port: UInt16

  /// Nil for what cannot be connected to.
  package init?(host: String, port: String) {
    guard RedisURL.isAddress(host), let number = RedisURL.decimal(port[...], upTo: Int(UInt16.max)), number > 0 else {
      return nil
    }
    self.host = host
    self.port = UInt16(number)
  }

  /// The address in a URL; nil for a socket.
  package init?(_ endpoint: RedisURL.Endpoint) {
    guard case .tcp(let host, let port) = endpoint else { return nil }
    self.init(host: host, port: String(port))
  }

  /// The address that a server of a Cluster tells, which was asked at `asked`: where it does not know its own host, or has no name
  /// to give, it says nothing or `?`.
  init?(host: String, port: String, askedAt asked: ServerAddress) {
    self.init(host: host.isEmpty || host == "?" ? asked.host : host, port: port)
  }
}

extension ServerAddress: CustomStringConvertible {
  package var description: String { "\(host.contains(":") ? "[\(host)]" : host):\(port)" }
}
