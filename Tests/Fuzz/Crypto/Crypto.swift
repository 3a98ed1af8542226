/// Stands in for the module of swift-crypto of the same name, with just what `WebSocketKey` uses of it.
///
/// The fuzzers are compiled by swiftc alone, without packages: this spares them building BoringSSL. SHA-1 is the real
/// one (FIPS 180-4 section 6.1), so that a handshake's answer can be checked.
package enum Insecure {
  package struct SHA1 {
    private var message: [UInt8] = []

    package init() {}

    package mutating func update(data: [UInt8]) {
      message += data
    }

    package func finalize() -> [UInt8] {
      var state: [UInt32] = [0x6745_2301, 0xEFCD_AB89, 0x98BA_DCFE, 0x1032_5476, 0xC3D2_E1F0]
      let padding = [0x80] + [UInt8](repeating: 0, count: (119 - message.count % 64) % 64)
      let padded = message + padding + Self.bigEndian(UInt64(message.count) * 8)
      for start in stride(from: 0, to: padded.count, by: 64) { Self.mix(padded[start..<start + 64], into: &state) }
      return state.flatMap(Self.bigEndian)
    }

    private static func bigEndian(_ number: some FixedWidthInteger) -> [UInt8] {
      withUnsafeBytes(of: number.bigEndian, Array.init)
    }

    private static func mix(_ block: ArraySlice<UInt8>, into state: inout [UInt32]) {
      var words = stride(from: block.startIndex, to: block.endIndex, by: 4).map { start in
        block[start..<start + 4].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
      }
      for index in 16..<80 {
        words.append(rotate(words[index - 3] ^ words[index - 8] ^ words[index - 14] ^ words[index - 16], 1))
      }
      var (a, b, c, d, e) = (state[0], state[1], state[2], state[3], state[4])
      for index in 0..<80 {
        let (choice, constant): (UInt32, UInt32) =
          switch index {
          case ..<20: (b & c | ~b & d, 0x5A82_7999)
          case ..<40: (b ^ c ^ d, 0x6ED9_EBA1)
          case ..<60: (b & c | b & d | c & d, 0x8F1B_BCDC)
          default: (b ^ c ^ d, 0xCA62_C1D6)
          }
        let next = rotate(a, 5) &+ choice &+ e &+ constant &+ words[index]
        (a, b, c, d, e) = (next, a, rotate(b, 30), c, d)
      }
      state = zip(state, [a, b, c, d, e]).map { $0 &+ $1 }
    }

    private static func rotate(_ word: UInt32, _ bits: UInt32) -> UInt32 {
      word << bits | word >> (32 - bits)
    }
  }
}
