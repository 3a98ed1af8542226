import TestSupport
import Testing

@testable import WebSocket

/// However a stream is cut, its events are the same.
@Suite struct FrameDecoderSplitTests {
  private static let euros = Array("a€😀".utf8)

  @Test func everyPairOfCuts() {
    let bytes: [UInt8] = [
      .text("€uro"), RawFrame(opcode: 1, payload: Array(Self.euros.prefix(3)), isFinal: false), .ping([1, 2, 3, 4, 5]),
      .continuation(Array(Self.euros.dropFirst(3)), isFinal: false), .continuation([]), .binary(Array(0..<130)),
      .close(1000, Array("é".utf8)),
    ].bytes
    let expected: [Seen] = [
      .text("€uro"), .ping([1, 2, 3, 4, 5]), .text("a€😀"), .binary(Array(0..<130)), .close(1000, "é"),
    ]
    #expect(FrameDecoder.events(of: [bytes]) == expected)
    #expect(FrameDecoder.events(of: bytes.map { [$0] }) == expected)
    for first in 0...bytes.count {
      for second in first...bytes.count {
        let pieces = [Array(bytes[..<first]), Array(bytes[first..<second]), Array(bytes[second...])]
        if FrameDecoder.events(of: pieces) != expected { Issue.record("cut at \(first) and \(second)") }
      }
    }
  }

  @Test(arguments: [0, 125, 126, 127, 65535, 65536])
  func everyCutAroundTheHeader(_ count: Int) {
    var generator = SplitMix64(seed: UInt64(count))
    let payload = generator.bytes(count)
    let bytes = RawFrame.binary(payload).bytes
    for cut in 0...min(bytes.count, 40) {
      #expect(FrameDecoder.events(of: [Array(bytes[..<cut]), Array(bytes[cut...])]) == [.binary(payload)])
    }
  }

  /// Frames that are mostly valid, some bytes of which are changed in half of the streams.
  @Test(arguments: 0..<400 as Range<UInt64>)
  func randomStreams(_ seed: UInt64) {
    var generator = SplitMix64(seed: seed)
    var bytes = Self.randomStream(&generator)
    if seed % 2 == 1 {
      for _ in 0..<Int.random(in: 1...3, using: &generator) {
        let index = Int.random(in: 0..<bytes.count, using: &generator)
        bytes[index] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
      }
    }
    let limits = FrameDecoder.Limits(maxMessageSize: 600, maxFragments: 5)
    let expected = FrameDecoder.events(of: [bytes], limits: limits)
    #expect(FrameDecoder.events(of: bytes.map { [$0] }, limits: limits) == expected)
    for longest in [2, 3, 7, 20, 100, 400] {
      let pieces = generator.cut(bytes, longest: longest)
      #expect(FrameDecoder.events(of: pieces, limits: limits) == expected, "pieces of up to \(longest)")
    }
  }

  @Test(arguments: 0..<200 as Range<UInt64>)
  func randomBytes(_ seed: UInt64) {
    var generator = SplitMix64(seed: seed &+ 1000)
    // A first byte that is a valid start, so that more than the first rule is reached.
    let bytes = [0x81, 0x80 | UInt8.random(in: 0...127, using: &generator)] + generator.bytes(300)
    for role in [FrameDecoder.Role.server, .client] {
      let expected = FrameDecoder.events(of: [bytes], role: role)
      #expect(FrameDecoder.events(of: bytes.map { [$0] }, role: role) == expected)
    }
  }

  private static func randomStream(_ generator: inout SplitMix64) -> [UInt8] {
    var frames: [RawFrame] = []
    for _ in 0..<Int.random(in: 1...8, using: &generator) {
      let isText = Bool.random(using: &generator)
      let count = [0, 1, 5, 80, 125, 126, 200, 400].randomElement(using: &generator) ?? 0
      let payload = isText ? Array(String(repeating: "aé€😀", count: count / 10).utf8) : generator.bytes(count)
      let parts = generator.cut(payload, longest: max(1, payload.count / Int.random(in: 1...3, using: &generator)))
      frames.append(RawFrame(opcode: isText ? 1 : 2, payload: parts.first ?? [], isFinal: parts.count < 2))
      for (index, part) in parts.enumerated().dropFirst() {
        if Bool.random(using: &generator) {
          frames.append(.ping(generator.bytes(Int.random(in: 0...125, using: &generator))))
        }
        frames.append(.continuation(part, isFinal: index == parts.count - 1))
      }
    }
    if Bool.random(using: &generator) { frames.append(.close(1000, Array("bye".utf8))) }
    for index in frames.indices { frames[index].key = generator.bytes(4) }
    return frames.bytes
  }
}
