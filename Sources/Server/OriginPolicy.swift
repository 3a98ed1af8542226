/// Which web pages may open a WebSocket (RFC 6455 section 10.2): browsers tell the page's origin, other programs none.
package struct OriginPolicy: Equatable, Sendable {
  /// Origins allowed besides the node's own host, as `https://app.example.com`; `*` allows all.
  package var allowed: Set<String>
  /// Whether pages of this machine may, whatever their port: a development server.
  package var allowsLoopback: Bool

  /// Told to pages of other origins.
  package static let refusal = "This origin is not allowed: start the node with --allowed-origin and the origin."

  private static let defaultPorts = ["http": "80", "https": "443"]

  package init(allowed: Set<String> = [], allowsLoopback: Bool = false) {
    self.allowed = Set(allowed.map { $0.lowercased() })
    self.allowsLoopback = allowsLoopback
  }

  /// Whether a page of that origin may connect; `host` is the request's `Host`. Where the request is known to have come by
  /// https (`isSecure`), a page of http is of another origin, be its host the same.
  ///
  /// No origin is no browser, and fine. `null` (sandboxed pages, files) is nobody's origin and must be named.
  package func permits(origin: String?, host: String, isSecure: Bool = false) -> Bool {
    guard let origin = origin?.lowercased() else { return true }
    if allowed.contains("*") || allowed.contains(origin) { return true }
    guard let separator = origin.firstRange(of: "://") else { return false }
    let scheme = String(origin[..<separator.lowerBound])
    guard let defaultPort = Self.defaultPorts[scheme] else { return false }
    let authority = origin[separator.upperBound...]
    guard let name = HostName(authority) else { return false }
    if allowsLoopback, name.isLoopback { return true }
    guard !isSecure || scheme == "https", !authority.contains("/") else { return false }
    return Self.withPort(authority, defaultPort) == Self.withPort(Substring(host.lowercased()), defaultPort)
  }

  /// Host and port; an address in brackets keeps its colons.
  private static func withPort(_ authority: Substring, _ port: String) -> String {
    let afterBracket = authority.lastIndex(of: "]").map { authority.index(after: $0) } ?? authority.startIndex
    return authority[afterBracket...].contains(":") ? String(authority) : "\(authority):\(port)"
  }
}
