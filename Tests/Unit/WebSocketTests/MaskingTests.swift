import TestSupport
import Testing
import WebSocket

@Suite struct MaskingTests {
  @Test func vectorAndBytewiseAgree() {
    var generator = SplitMix64(seed: 1)
    for count in 0...70 {
      for phase in 0...3 {
        let key = UInt32.random(in: 1 ... .max, using: &generator)
        let plain = generator.bytes(count)
        var (fast, slow) = (plain, plain)
        fast.withUnsafeMutableBytes { Masking.apply(key, to: $0, phase: phase) }
        slow.withUnsafeMutableBytes { Masking.applyBytewise(key, to: $0, phase: phase) }
        #expect(fast == slow, "\(count) bytes at phase \(phase)")
      }
    }
  }

  /// RFC 6455 section 5.7.
  @Test func exampleOfTheRFC() {
    var bytes: [UInt8] = [0x7F, 0x9F, 0x4D, 0x51, 0x58]
    bytes.withUnsafeMutableBytes { Masking.applyBytewise(0x3D21_FA37, to: $0) }
    #expect(bytes == Array("Hello".utf8))
  }

  @Test func neverTouchesItsNeighbours() {
    for count in 0...70 {
      var bytes = [UInt8](repeating: 0, count: count + 2)
      bytes.withUnsafeMutableBytes {
        Masking.apply(0xFFFF_FFFF, to: UnsafeMutableRawBufferPointer(rebasing: $0[1...count + 1].dropLast()))
      }
      #expect(bytes == [0] + [UInt8](repeating: 0xFF, count: count) + [0])
    }
  }

  @Test func piecesAreMaskedLikeTheWhole() {
    var generator = SplitMix64(seed: 2)
    let plain = generator.bytes(200)
    var whole = plain
    whole.withUnsafeMutableBytes { Masking.apply(0x0102_0304, to: $0) }
    for cut in 0...200 {
      var pieces = plain
      pieces.withUnsafeMutableBytes {
        Masking.apply(0x0102_0304, to: UnsafeMutableRawBufferPointer(rebasing: $0[..<cut]))
        Masking.apply(0x0102_0304, to: UnsafeMutableRawBufferPointer(rebasing: $0[cut...]), phase: cut)
      }
      #expect(pieces == whole, "cut at \(cut)")
    }
  }

  @Test func zeroKeyChangesNothing() {
    var bytes: [UInt8] = Array(0...40)
    bytes.withUnsafeMutableBytes { Masking.apply(0, to: $0) }
    #expect(bytes == Array(0...40))
  }
}
