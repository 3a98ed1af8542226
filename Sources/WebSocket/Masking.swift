/// The masking of RFC 6455 section 5.3: an exclusive or with four bytes, over and over, which undoes itself.
///
/// A key is a `UInt32` whose lowest byte is the first on the wire.
package enum Masking {
  /// Masks or unmasks `bytes` in place. `phase` is how many bytes of the same payload came before these.
  package static func apply(_ key: UInt32, to bytes: UnsafeMutableRawBufferPointer, phase: Int = 0) {
    guard key != 0, let base = bytes.baseAddress else { return }
    let turned = rotate(key, by: phase)
    let word = (UInt64(turned) << 32 | UInt64(turned)).littleEndian
    let vector = SIMD4<UInt64>(repeating: word)
    let count = bytes.count
    var index = 0
    while count - index >= 32 {
      let masked = base.loadUnaligned(fromByteOffset: index, as: SIMD4<UInt64>.self)
      base.storeBytes(of: masked ^ vector, toByteOffset: index, as: SIMD4<UInt64>.self)
      index += 32
    }
    while count - index >= 8 {
      let masked = base.loadUnaligned(fromByteOffset: index, as: UInt64.self)
      base.storeBytes(of: masked ^ word, toByteOffset: index, as: UInt64.self)
      index += 8
    }
    // Steps of 8 and 32 leave the phase as it was, so the rest begins with the first byte of `turned`.
    applyBytewise(turned, to: UnsafeMutableRawBufferPointer(rebasing: bytes[index...]))
  }

  /// The same, a byte at a time: what `apply` is measured against, and what it does with a rest below 8 bytes.
  package static func applyBytewise(_ key: UInt32, to bytes: UnsafeMutableRawBufferPointer, phase: Int = 0) {
    for index in bytes.indices {
      bytes[index] ^= UInt8(truncatingIfNeeded: key &>> UInt32(truncatingIfNeeded: ((phase &+ index) & 3) &* 8))
    }
  }

  /// The key as it stands after `phase` bytes.
  private static func rotate(_ key: UInt32, by phase: Int) -> UInt32 {
    let bits = UInt32(truncatingIfNeeded: (phase & 3) &* 8)
    return bits == 0 ? key : key &>> bits | key &<< (32 &- bits)
  }
}
