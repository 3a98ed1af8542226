/// Which hosts a node answers to, as `Host` names them.
///
/// A page can have its own name lead to this machine (DNS rebinding): whatever answers there is of the page's origin then,
/// and no check of origins holds it. It cannot have an address lead elsewhere, nor `localhost`.
package struct HostPolicy: Equatable, Sendable {
  /// Names besides this machine's own, in lower case.
  private let allowed: Set<String>
  private let isDevelopment: Bool

  /// Told to those who ask by another host.
  package static let refusal = "The node does not answer to this Host: start it with --allowed-host and the name."

  /// In development a host must be known; otherwise any will do unless some are named.
  package init(allowed: [String] = [], isDevelopment: Bool = false) {
    self.allowed = Set(allowed.map { $0.lowercased() })
    self.isDevelopment = isDevelopment
  }

  /// Whether every host will do.
  package var permitsAll: Bool { allowed.isEmpty && !isDevelopment }

  /// Whether the node answers to `host`, which may have a port.
  package func permits(_ host: String) -> Bool {
    if permitsAll { return true }
    guard let name = HostName(host) else { return false }
    return name.address != nil || name.isLoopback || allowed.contains(name.text)
  }
}
