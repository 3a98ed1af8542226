/// The server that has a slot, as another server of the Cluster says it by `MOVED` or `ASK`.
package struct Redirection: Equatable, Sendable {
  package let slot: Int
  /// Nil for what cannot be connected to.
  package let address: ServerAddress?

  /// Nil for every other error. `askedAt` is who said it: an address without a host has that one.
  package init?(_ error: RedisError, askedAt: ServerAddress) {
    guard error.code == .moved || error.code == .ask else { return nil }
    let words = error.message.split(separator: " ")
    guard words.count >= 3, let slot = RedisURL.decimal(words[1], upTo: KeySlot.count - 1) else { return nil }
    self.slot = slot
    // An IPv6 address comes without brackets.
    address = words[2].lastIndex(of: ":").flatMap { colon in
      ServerAddress(
        host: String(words[2][..<colon]), port: String(words[2][words[2].index(after: colon)...]), askedAt: askedAt)
    }
  }
}
