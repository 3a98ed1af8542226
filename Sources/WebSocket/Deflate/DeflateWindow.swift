/// How far back the server's messages may refer: RFC 7692 section 7.1.2.1.
///
/// There are two, however many sizes clients offer: each size in use is one more compression of every message.
package enum DeflateWindow: UInt8, CaseIterable, Sendable {
  /// For a client that offers less than the whole: the smallest that zlib makes.
  case small
  case whole

  /// The largest one for a client that has room for `offered` bits, 8 to 15; nil where both are too large.
  init?(offered: Int) {
    switch offered {
    case Self.whole.bits...: self = .whole
    case Self.small.bits...: self = .small
    // zlib makes no raw streams of 8 bits.
    default: return nil
    }
  }

  /// The window as a power of two, in bytes.
  package var bits: Int {
    switch self {
    case .small: 9
    case .whole: 15
    }
  }
}
