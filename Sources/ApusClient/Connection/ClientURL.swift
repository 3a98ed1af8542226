/// Where a client connects: `ws://host:port/path?query`, or `wss://…` for TLS.
package struct ClientURL: Equatable, Sendable {
  /// Whether connections use TLS.
  package let isSecure: Bool
  package let host: String
  package let port: UInt16
  /// Path and query, as they go into the request line.
  let target: String

  /// Reads the URL; throws a sentence that says what is wrong.
  package init(_ text: String) throws(ApusClientError) {
    let scheme = ["ws://", "wss://"].first { text.lowercased().hasPrefix($0) }
    guard let scheme else {
      throw ApusClientError(
        .invalid, "The URL of a node looks like ws://127.0.0.1:8080/ws, or wss://example.com/ws for TLS.")
    }
    isSecure = scheme == "wss://"
    let rest = text.dropFirst(scheme.utf8.count)
    let end = rest.firstIndex { $0 == "/" || $0 == "?" } ?? rest.endIndex
    let authority = rest[..<end]
    let tail = rest[end...]
    guard !authority.contains("@") else {
      throw ApusClientError(.invalid, "The URL of a node has no user and no password: a token says who connects.")
    }
    target = tail.isEmpty ? "/ws" : tail.hasPrefix("?") ? "/ws" + tail : String(tail)
    guard !target.utf8.contains(where: { $0 <= 0x20 || $0 == 0x7F || $0 == UInt8(ascii: "#") }) else {
      throw ApusClientError(.invalid, "The URL contains a space, a control character or a '#'.")
    }
    // The port stands behind the last colon that is not inside the brackets of an IPv6 address.
    let bracket = authority.lastIndex(of: "]")
    let colon = authority[(bracket ?? authority.startIndex)...].lastIndex(of: ":")
    let name = authority[..<(colon ?? authority.endIndex)]
    host = String(name.hasPrefix("[") ? name.dropFirst().dropLast() : name)
    guard !host.isEmpty else { throw ApusClientError(.invalid, "The URL has no host.") }
    if let colon {
      guard let port = UInt16(authority[authority.index(after: colon)...]), port > 0 else {
        throw ApusClientError(.invalid, "The port of the URL must be a number from 1 to 65535.")
      }
      self.port = port
    } else {
      port = Self.defaultPort(isSecure)
    }
  }

  /// RFC 6455 section 3.
  private static func defaultPort(_ isSecure: Bool) -> UInt16 {
    isSecure ? 443 : 80
  }

  /// The value of the `Host` header.
  var authority: String {
    (host.contains(":") ? "[\(host)]" : host) + (port == Self.defaultPort(isSecure) ? "" : ":\(port)")
  }
}
