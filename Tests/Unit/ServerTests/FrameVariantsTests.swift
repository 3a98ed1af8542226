import Protocol
import Testing
import WebSocket

@testable import Server

@Suite struct FrameVariantsTests {
  private let text = String(repeating: "The same again. ", count: 100)

  /// Header and payload, one after the other.
  private func bytes(_ frame: Frame) -> [UInt8] { frame.withHeader { Array($0) } + frame.withPayload { Array($0) } }

  @Test func aFrameIsCompressedOnceForAll() {
    let variants = FrameVariants()
    let frame = FrameEncoder.text(text)
    let first = variants.variant(of: frame, for: Encoding(window: .whole))
    #expect(first.count < frame.count / 5)
    #expect(variants.variant(of: frame, for: Encoding(window: .whole)).isSame(as: first))
    let smaller = variants.variant(of: frame, for: Encoding(window: .small))
    #expect(!smaller.isSame(as: first))
    #expect(variants.variant(of: frame, for: Encoding(window: .whole)).isSame(as: first), "each window keeps its own")
  }

  /// Whatever sizes the listeners offer, a frame is compressed twice at most.
  @Test func noOfferIsOneCompressionMore() throws {
    let offers = ["permessage-deflate"] + (9...15).map { "permessage-deflate; server_max_window_bits=\($0)" }
    let (variants, frame) = (FrameVariants(), FrameEncoder.text(text))
    var made: [Frame] = []
    for offer in offers + offers {
      let agreed = try #require(try PerMessageDeflate(offered: [offer]))
      let variant = variants.variant(of: frame, for: Encoding(window: agreed.window))
      if !made.contains(where: variant.isSame(as:)) { made.append(variant) }
    }
    #expect(made.count == 2)
  }

  @Test func theNextFrameIsAnother() {
    let variants = FrameVariants()
    let first = variants.variant(of: FrameEncoder.text(text), for: Encoding(window: .whole))
    let other = variants.variant(of: FrameEncoder.text(text), for: Encoding(window: .whole))
    #expect(!other.isSame(as: first))
    #expect(bytes(other) == bytes(first))
  }

  @Test func whatDoesNotShrinkStaysItself() {
    var random = SystemRandomNumberGenerator()
    let noise = (0..<1000).map { _ in UInt8.random(in: 0...255, using: &random) }
    let frame = noise.withUnsafeBytes { FrameEncoder.frame(.binary, payload: $0) }
    #expect(FrameVariants().variant(of: frame, for: Encoding(window: .whole)).isSame(as: frame))
    let plain = FrameEncoder.text(text)
    #expect(FrameVariants().variant(of: plain, for: Encoding()).isSame(as: plain), "nobody has agreed on compression")
  }

  @Test func theReaderGetsWhatWasWritten() throws {
    let frame = FrameVariants().variant(of: FrameEncoder.text(text), for: Encoding(window: .small))
    #expect(bytes(frame)[0] == 0xC1, "a whole text, RSV1 set")
    var bytes = bytes(frame)
    var decoder = FrameDecoder(role: .client, limits: FrameDecoder.Limits(maxMessageSize: 65_536, maxFragments: 8))
    decoder.allowCompression()
    let inflater = Inflater()
    defer { withExtendedLifetime(inflater) {} }
    let inflated: String? = bytes.withUnsafeMutableBytes { buffer in
      var rest = buffer
      guard case .compressed(.text, let payload)? = decoder.next(&rest),
        case .message(let message) = inflater.inflate(payload, limit: 65_536)
      else { return nil }
      return String(decoding: message, as: UTF8.self)
    }
    #expect(inflated == text)
  }
}
