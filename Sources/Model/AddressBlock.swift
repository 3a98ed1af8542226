/// A block of addresses in CIDR notation (RFC 4632 section 3.1): all that begin with the same bits.
package struct AddressBlock: Hashable, Sendable {
  private let first: IPAddress
  /// Of 128 bits, in a block of IPv4, too.
  private let length: Int

  /// The block of `10.0.0.0/8` or `fd00::/8`; a bare address is a block of one. Bits behind the prefix count for nothing:
  /// `10.1.2.3/8` is `10.0.0.0/8`. Nil for anything else.
  package init?(_ text: String) {
    let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
    guard let address = IPAddress(String(parts[0])) else { return nil }
    let bits = parts[0].contains(":") ? 128 : 32
    var length = bits
    if parts.count == 2 {
      // Compared with itself, since `Int` takes signs and leading zeros as well.
      guard let number = Int(parts[1]), String(number) == parts[1], 0...bits ~= number else { return nil }
      length = number
    }
    self.length = 128 - bits + length
    first = address.prefix(self.length)
  }

  /// Whether the address lies in the block; a block of IPv6, be it `::/0`, holds no address of IPv4.
  package func contains(_ address: IPAddress) -> Bool {
    address.isIPv4 == first.isIPv4 && address.prefix(length) == first
  }
}
