import Protocol
import WebSocket

/// What a frame becomes in the encodings of those it goes to: one that goes to many is made once for each encoding, when the
/// first of them needs it.
final class FrameVariants {
  private var deflaters = [Deflater?](repeating: nil, count: DeflateWindow.allCases.count)
  /// The frame that was asked for last, and what became of it by window; a frame that would not shrink stays itself.
  private var source: Frame?
  private var variants = [Frame?](repeating: nil, count: DeflateWindow.allCases.count)

  /// What connections of that encoding get for the frame.
  func variant(of frame: Frame, for encoding: Encoding) -> Frame {
    guard let window = encoding.window else { return frame }
    if source?.isSame(as: frame) != true {
      source = frame
      for index in variants.indices { variants[index] = nil }
    }
    if let variant = variants[Int(window.rawValue)] { return variant }
    let variant = compress(frame, window)
    variants[Int(window.rawValue)] = variant
    return variant
  }

  /// Forgets the last frame, so that it is not held for longer than it is sent.
  func forget() {
    guard source != nil else { return }
    source = nil
    for index in variants.indices { variants[index] = nil }
  }

  private func compress(_ frame: Frame, _ window: DeflateWindow) -> Frame {
    guard let opcode = frame.opcode, !opcode.isControl else { return frame }
    let deflater = deflaters[Int(window.rawValue)] ?? Deflater(windowBits: window.bits)
    deflaters[Int(window.rawValue)] = deflater
    let compressed = frame.withPayload { payload in
      deflater.deflate(payload) { FrameEncoder.compressed(opcode, payload: $0) }
    }
    return compressed.count < frame.count ? compressed : frame
  }
}

@available(*, unavailable)
extension FrameVariants: Sendable {}
