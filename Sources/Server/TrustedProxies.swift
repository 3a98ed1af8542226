import Model

/// The proxies that are believed when they say for whom they connect (`X-Forwarded-For`), and how that one came to them
/// (`X-Forwarded-Proto`).
package struct TrustedProxies: Equatable, Sendable {
  private let blocks: [AddressBlock]

  package init(blocks: [AddressBlock]) {
    self.blocks = blocks
  }

  /// The address of the client behind a connection.
  ///
  /// `peer` is where the connection comes from, nil for a unix socket, which is trusted: it is open to those alone whom
  /// the file system lets in. `forwardedFor` has the entries of the header, the nearest proxy's last. Each proxy has
  /// added whom it was connected by, so they are read from the right for as long as the one who wrote them is trusted;
  /// what stands further left anybody can have sent. An entry that is no address ends it, too.
  ///
  /// Nil for a unix socket alone, when its proxy names no address.
  package func client(peer: IPAddress?, forwardedFor: [String]) -> IPAddress? {
    var client = peer
    for entry in forwardedFor.reversed() {
      guard isTrusted(client), let address = Self.address(entry) else { break }
      client = address
    }
    return client
  }

  /// Whether the client came by https, as a trusted proxy says; `forwardedProto` has the entries of `X-Forwarded-Proto`.
  ///
  /// Some proxies write `wss` for a WebSocket. One of several that says so is enough: a client that makes it up is only
  /// kept to stricter rules.
  package func isSecure(peer: IPAddress?, forwardedProto: [String]) -> Bool {
    guard isTrusted(peer) else { return false }
    return forwardedProto.contains { ["https", "wss"].contains($0.lowercased()) }
  }

  /// Whether a connection from there is a proxy's that is believed.
  package func isTrusted(_ address: IPAddress?) -> Bool {
    guard let address else { return true }
    return blocks.contains { $0.contains(address) }
  }

  /// The address of an entry, with or without a port: `1.2.3.4`, `1.2.3.4:567`, `::1`, `[::1]`, `[::1]:80`.
  private static func address(_ entry: String) -> IPAddress? {
    if entry.first == "[" {
      guard let end = entry.firstIndex(of: "]") else { return nil }
      let host = entry[..<end].dropFirst()
      let rest = entry[end...].dropFirst()
      guard host.contains(":"), rest.isEmpty || rest.first == ":" && isPort(rest.dropFirst()) else { return nil }
      return IPAddress(String(host))
    }
    let parts = entry.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count == 2 else { return IPAddress(entry) }
    return isPort(parts[1]) ? IPAddress(String(parts[0])) : nil
  }

  private static func isPort(_ text: Substring) -> Bool {
    // `UInt16` takes a sign as well.
    text.first?.isNumber == true && UInt16(text) != nil
  }
}
