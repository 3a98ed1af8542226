import TestSupport
import Testing
import WebSocket

/// Compressing and inflating whole messages.
@Suite struct DeflateTests {
  private func deflate(_ bytes: [UInt8], windowBits: Int = 15) -> [UInt8] {
    Deflater(windowBits: windowBits).deflate(bytes)
  }

  @Test(arguments: 9...15)
  func whatIsCompressedComesOutAgain(_ windowBits: Int) {
    var generator = SplitMix64(seed: 7)
    let (deflater, inflater) = (Deflater(windowBits: windowBits), Inflater())
    for count in [0, 1, 2, 100, 255, 256, 65_535, 65_536, 65_537, 300_000] {
      let random = generator.bytes(count)
      let text = (0..<count).map { UInt8(truncatingIfNeeded: $0 / 7 % 60 + 32) }
      for message in [random, text] {
        #expect(inflater.inflate(deflater.deflate(message), limit: count) == .message(message))
      }
    }
  }

  /// RFC 7692 section 7.2.3: one block, no compression, a final block, two blocks.
  @Test(
    arguments: [
      [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00],
      [0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00],
      [0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00],
      [0xf2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xff, 0xff, 0xca, 0xc9, 0xc9, 0x07, 0x00],
    ] as [[UInt8]])
  func examplesOfTheStandard(_ compressed: [UInt8]) {
    #expect(Inflater().inflate(compressed, limit: 5) == .message(Array("Hello".utf8)))
  }

  @Test func anEmptyMessageIsOneByte() {
    #expect(deflate([]) == [0x00])
    #expect(Inflater().inflate([0x00], limit: 0) == .message([]))
  }

  @Test func theLimitHoldsToTheByte() {
    let inflater = Inflater()
    for count in [1, 1000, 65_535, 65_536, 65_537, 1_000_000] {
      let compressed = deflate([UInt8](repeating: 0x78, count: count))
      #expect(inflater.inflate(compressed, limit: count - 1) == .tooBig)
      #expect(inflater.inflate(compressed, limit: count) == .message([UInt8](repeating: 0x78, count: count)))
    }
  }

  /// A thousand to one: what comes out is cut off at the limit, not counted afterwards.
  @Test func aBombIsCutOff() {
    let bomb = deflate([UInt8](repeating: 0, count: 64 << 20))
    #expect(bomb.count < 70_000)
    let inflater = Inflater()
    #expect(inflater.inflate(bomb, limit: 65_536) == .tooBig)
    #expect(inflater.inflate(deflate([1, 2, 3]), limit: 65_536) == .message([1, 2, 3]), "and leaves no trace")
  }

  @Test(arguments: [[], [0xff], [0x07], [0xf2, 0x48, 0xcd], [0x05, 0xe0, 0x81, 0x08]] as [[UInt8]])
  func whatIsNoStreamIsCorrupt(_ bytes: [UInt8]) {
    let inflater = Inflater()
    #expect(inflater.inflate(bytes, limit: 65_536) == .corrupt)
    #expect(inflater.inflate(deflate([1, 2, 3]), limit: 65_536) == .message([1, 2, 3]), "and leaves no trace")
  }

  @Test func aStreamCutOffAnywhereIsCorruptOrShorter() {
    let message = Array(String(repeating: "Apus apus, the common swift. ", count: 20).utf8)
    let compressed = deflate(message)
    let inflater = Inflater()
    for count in 0..<compressed.count {
      switch inflater.inflate(Array(compressed.prefix(count)), limit: 65_536) {
      case .corrupt: break
      case .tooBig: Issue.record("\(count) bytes became too many")
      case .message(let part): #expect(part.count < message.count)
      }
    }
  }
}

extension Deflater {
  func deflate(_ bytes: [UInt8]) -> [UInt8] {
    bytes.withUnsafeBytes { message in deflate(message) { Array($0) } }
  }
}

/// An outcome with a copy of the message, to compare.
private enum Inflated: Equatable {
  case message([UInt8])
  case tooBig
  case corrupt
}

extension Inflater {
  fileprivate func inflate(_ bytes: [UInt8], limit: Int) -> Inflated {
    bytes.withUnsafeBytes { message in
      switch inflate(message, limit: limit) {
      case .message(let message): .message(Array(message))
      case .tooBig: .tooBig
      case .corrupt: .corrupt
      }
    }
  }
}
