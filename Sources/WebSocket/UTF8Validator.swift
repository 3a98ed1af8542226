/// Checks text that arrives in pieces: RFC 3629, so no overlong forms, no surrogates, nothing above U+10FFFF.
///
/// A sequence is refused at the first byte that no valid continuation can follow any more.
package struct UTF8Validator: Sendable {
  /// Continuation bytes the sequence begun still lacks.
  private var missing: UInt8 = 0
  /// The bounds of the next continuation byte; narrower than 80...BF only right after E0, ED, F0 and F4.
  private var lower: UInt8 = 0x80
  private var upper: UInt8 = 0xBF

  /// A validator at the beginning of a text.
  package init() {}

  /// Whether the text may end here, no sequence being cut short.
  package var isComplete: Bool { missing == 0 }

  /// Whether that is a whole valid text.
  package static func isValid(_ bytes: UnsafeRawBufferPointer) -> Bool {
    var validator = UTF8Validator()
    return validator.validate(bytes) && validator.isComplete
  }

  /// Takes the next piece; false when it can be no part of valid text, after which the validator is of no more use.
  package mutating func validate(_ bytes: UnsafeRawBufferPointer) -> Bool {
    var state = self
    defer { self = state }
    let count = bytes.count
    var index = 0
    while index < count {
      let byte = bytes[index]
      if state.missing > 0 {
        guard byte >= state.lower, byte <= state.upper else { return false }
        state.missing &-= 1
        state.lower = 0x80
        state.upper = 0xBF
        index += 1
      } else if byte < 0x80 {
        index = Self.endOfASCII(bytes, from: index + 1)
      } else {
        guard state.begin(byte) else { return false }
        index += 1
      }
    }
    return true
  }

  /// Begins a sequence of two to four bytes (the table of RFC 3629 section 4).
  private mutating func begin(_ byte: UInt8) -> Bool {
    switch byte {
    case 0xC2...0xDF: missing = 1
    case 0xE0: (missing, lower) = (2, 0xA0)
    case 0xED: (missing, upper) = (2, 0x9F)
    case 0xE1...0xEF: missing = 2
    case 0xF0: (missing, lower) = (3, 0x90)
    case 0xF1...0xF3: missing = 3
    case 0xF4: (missing, upper) = (3, 0x8F)
    default: return false
    }
    return true
  }

  /// An index up to which, from `start` on, there is nothing but ASCII; the byte there may be anything.
  private static func endOfASCII(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Int {
    let high: UInt64 = 0x8080_8080_8080_8080
    var index = start
    while bytes.count - index >= 32 {
      let vector = bytes.loadUnaligned(fromByteOffset: index, as: SIMD4<UInt64>.self)
      guard (vector[0] | vector[1] | vector[2] | vector[3]) & high == 0 else { break }
      index += 32
    }
    while bytes.count - index >= 8 {
      let set = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self)) & high
      guard set == 0 else { return index + set.trailingZeroBitCount / 8 }
      index += 8
    }
    return index
  }
}
