import Model
import Testing
import WebSocket

@testable import Server

@Suite struct CompressorTests {
  private let text = String(repeating: "The same again. ", count: 100)

  @Test func aFrameIsCompressedOnceForAll() {
    let compressor = Compressor()
    let frame = FrameEncoder.text(text)
    let first = compressor.variant(of: frame, window: .whole)
    #expect(first.count < frame.count / 5)
    #expect(compressor.variant(of: frame, window: .whole).isSame(as: first))
    let smaller = compressor.variant(of: frame, window: .small)
    #expect(!smaller.isSame(as: first))
    #expect(compressor.variant(of: frame, window: .whole).isSame(as: first), "each window keeps its own")
  }

  /// Whatever sizes the listeners offer, a frame is compressed twice at most.
  @Test func noOfferIsOneCompressionMore() throws {
    let offers = ["permessage-deflate"] + (9...15).map { "permessage-deflate; server_max_window_bits=\($0)" }
    let (compressor, frame) = (Compressor(), FrameEncoder.text(text))
    var variants: [Frame] = []
    for offer in offers + offers {
      let agreed = try #require(try PerMessageDeflate(offered: [offer]))
      let variant = compressor.variant(of: frame, window: agreed.window)
      if !variants.contains(where: variant.isSame(as:)) { variants.append(variant) }
    }
    #expect(variants.count == 2)
  }

  @Test func theNextFrameIsAnother() {
    let compressor = Compressor()
    let first = compressor.variant(of: FrameEncoder.text(text), window: .whole)
    let other = compressor.variant(of: FrameEncoder.text(text), window: .whole)
    #expect(!other.isSame(as: first))
    #expect(other.withBytes { Array($0) } == first.withBytes { Array($0) })
  }

  @Test func whatDoesNotShrinkStaysItself() {
    var random = SystemRandomNumberGenerator()
    let noise = (0..<1000).map { _ in UInt8.random(in: 0...255, using: &random) }
    let frame = noise.withUnsafeBytes { FrameEncoder.frame(.binary, payload: $0) }
    #expect(Compressor().variant(of: frame, window: .whole).isSame(as: frame))
  }

  @Test func theReaderGetsWhatWasWritten() throws {
    let frame = Compressor().variant(of: FrameEncoder.text(text), window: .small)
    #expect(frame.withBytes { $0[0] } == 0xC1, "a whole text, RSV1 set")
    var bytes = frame.withBytes { Array($0) }
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
