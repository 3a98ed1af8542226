import Glibc

/// The address of a host, without a port.
///
/// IPv4 is kept as IPv4-mapped IPv6 (RFC 4291 section 2.5.5.2), as a socket for both reports it: `::ffff:10.0.0.1` and
/// `10.0.0.1` are one address. The zone of a link-local address is not kept.
package struct IPAddress: Hashable, Sendable, CustomStringConvertible {
  /// The first eight bytes, the first of them highest.
  private let high: UInt64
  /// The other eight.
  private let low: UInt64

  private init(high: UInt64, low: UInt64) {
    self.high = high
    self.low = low
  }

  private init(_ address: in_addr) {
    self.init(high: 0, low: 0xFFFF << 32 | UInt64(UInt32(bigEndian: address.s_addr)))
  }

  private init(_ address: in6_addr) {
    self = withUnsafeBytes(of: address) { bytes in
      IPAddress(
        high: UInt64(bigEndian: bytes.loadUnaligned(as: UInt64.self)),
        low: UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self)))
    }
  }

  /// The address of a text as inet_pton takes it: all four numbers of IPv4 without leading zeros, IPv6 without brackets
  /// and zone. Nil for a name or nonsense.
  package init?(_ text: String) {
    // C would read no further than to a zero, and take what stands before it for the whole.
    guard !text.utf8.contains(0) else { return nil }
    var v4 = in_addr()
    var v6 = in6_addr()
    if inet_pton(AF_INET, text, &v4) == 1 {
      self.init(v4)
    } else if inet_pton(AF_INET6, text, &v6) == 1 {
      self.init(v6)
    } else {
      return nil
    }
  }

  /// The address in a `sockaddr` that the kernel has filled, those bytes of it that it says; nil for a unix socket.
  package init?(sockaddr bytes: UnsafeRawBufferPointer) {
    guard bytes.count >= MemoryLayout<sa_family_t>.size else { return nil }
    switch Int32(bytes.loadUnaligned(as: sa_family_t.self)) {
    case AF_INET where bytes.count >= MemoryLayout<sockaddr_in>.size:
      self.init(bytes.loadUnaligned(as: sockaddr_in.self).sin_addr)
    case AF_INET6 where bytes.count >= MemoryLayout<sockaddr_in6>.size:
      self.init(bytes.loadUnaligned(as: sockaddr_in6.self).sin6_addr)
    default: return nil
    }
  }

  package var isIPv4: Bool { high == 0 && low >> 32 == 0xFFFF }

  /// The address that limits count by: of IPv6 the first 64 bits alone. A household or a server gets a /64 at least, and
  /// who has one could take another address of it for every connection.
  package var limitKey: IPAddress { isIPv4 ? self : prefix(64) }

  /// The first `length` of the 128 bits, the others 0.
  package func prefix(_ length: Int) -> IPAddress {
    IPAddress(high: high & .max << max(0, 64 - length), low: low & .max << min(64, 128 - length))
  }

  package var description: String {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(INET6_ADDRSTRLEN)) { text in
      let size = socklen_t(text.count)
      if isIPv4 {
        var address = in_addr(s_addr: UInt32(truncatingIfNeeded: low).bigEndian)
        inet_ntop(AF_INET, &address, text.baseAddress, size)
      } else {
        var address = (high.bigEndian, low.bigEndian)
        inet_ntop(AF_INET6, &address, text.baseAddress, size)
      }
      return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
  }
}
