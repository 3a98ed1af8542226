/// Which web pages may open a WebSocket (RFC 6455 section 10.2): browsers tell the page's origin, other programs none.
package struct OriginPolicy: Equatable, Sendable {
  /// Origins allowed besides the node's own host, as `https://app.example.com`; `*` allows all.
  package var allowed: Set<String>

  package init(allowed: Set<String> = []) {
    self.allowed = Set(allowed.map { $0.lowercased() })
  }

  /// Whether a page of that origin may connect; `host` is the request's `Host`.
  ///
  /// No origin is no browser, and fine. `null` (sandboxed pages, files) is nobody's origin and refused.
  package func permits(origin: String?, host: String) -> Bool {
    guard let origin = origin?.lowercased() else { return true }
    if allowed.contains("*") || allowed.contains(origin) { return true }
    guard let separator = origin.firstRange(of: "://") else { return false }
    let scheme = origin[..<separator.lowerBound]
    guard let defaultPort = ["http": "80", "https": "443"][scheme] else { return false }
    let authority = origin[separator.upperBound...]
    guard !authority.isEmpty, !authority.contains("/") else { return false }
    return Self.withPort(authority, defaultPort) == Self.withPort(Substring(host.lowercased()), defaultPort)
  }

  /// Host and port; an address in brackets keeps its colons.
  private static func withPort(_ authority: Substring, _ port: String) -> String {
    let afterBracket = authority.lastIndex(of: "]").map { authority.index(after: $0) } ?? authority.startIndex
    return authority[afterBracket...].contains(":") ? String(authority) : "\(authority):\(port)"
  }
}
