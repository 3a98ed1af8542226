import Model
import WebSocket

/// Compresses frames for those connections that agreed on permessage-deflate.
///
/// A frame that goes to many is compressed once for each size of window, that is, once: hardly a client asks for a
/// smaller window.
final class Compressor {
  private var deflaters = [Deflater?](repeating: nil, count: 16)
  /// The frame that was compressed last and what became of it, by window; a frame that would not shrink stays itself.
  private var source: Frame?
  private var variants = [Frame?](repeating: nil, count: 16)

  /// What a connection with that window is to get for the frame.
  func variant(of frame: Frame, windowBits: Int) -> Frame {
    if source?.isSame(as: frame) != true {
      source = frame
      for index in variants.indices { variants[index] = nil }
    }
    if let variant = variants[windowBits] { return variant }
    let variant = compress(frame, windowBits)
    variants[windowBits] = variant
    return variant
  }

  /// Forgets the last frame, so that it is not held for longer than it is sent.
  func forget() {
    guard source != nil else { return }
    source = nil
    for index in variants.indices { variants[index] = nil }
  }

  private func compress(_ frame: Frame, _ windowBits: Int) -> Frame {
    guard let opcode = frame.withBytes({ Opcode(rawValue: ($0.first ?? 0) & 0x0F) }), !opcode.isControl else {
      return frame
    }
    let deflater = deflaters[windowBits] ?? Deflater(windowBits: windowBits)
    deflaters[windowBits] = deflater
    let compressed = frame.withPayload { payload in
      deflater.deflate(payload) { FrameEncoder.compressed(opcode, payload: $0) }
    }
    return compressed.count < frame.count ? compressed : frame
  }
}

@available(*, unavailable)
extension Compressor: Sendable {}
