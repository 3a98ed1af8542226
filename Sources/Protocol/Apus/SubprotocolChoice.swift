import WebSocket

/// What the subprotocols a client offers come to: `apus.v1` is the one spoken, `auth.<token>` beside it is how a browser
/// sends a token and is never echoed.
package struct SubprotocolChoice: Equatable, Sendable {
  /// The subprotocol of Apus' own protocol, version 1.
  package static let name = "apus.v1"

  private static let tokenPrefix = "auth."

  /// What the answer names: `apus.v1`, or nil when the client offered nothing.
  package let selected: String?
  /// What followed `auth.`, of the first such offer.
  package let token: String?

  /// Chooses among `offered`; refuses (400) where something was offered, but not `apus.v1`.
  package init(offered: [String]) throws(HandshakeRefusal) {
    guard offered.isEmpty || offered.contains(Self.name) else {
      throw .badRequest("None of the offered subprotocols is supported; offer \(Self.name) or none.")
    }
    selected = offered.isEmpty ? nil : Self.name
    token = offered.first { $0.hasPrefix(Self.tokenPrefix) }.map { String($0.dropFirst(Self.tokenPrefix.count)) }
  }
}
