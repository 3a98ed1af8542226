import Protocol
import WebSocket

/// What a frame becomes in the encodings of those it goes to: one that goes to many is made once for each encoding, when the
/// first of them needs it.
final class FrameVariants {
  private var deflaters = [Deflater?](repeating: nil, count: DeflateWindow.allCases.count)
  /// The frame that was asked for last, and what became of it by window; a frame that would not shrink stays itself.
  private var source: Frame?
  private var variants = [Frame?](repeating: nil, count: DeflateWindow.allCases.count)
  private var events: Frame?
  private var text: Frame?

  /// What connections of that encoding get for the frame.
  func variant(of frame: Frame, for encoding: Encoding) -> Frame {
    if source?.isSame(as: frame) != true {
      forget()
      source = frame
    }
    guard let window = encoding.window else { return reframed(frame, encoding) }
    if let variant = variants[Int(window.rawValue)] { return variant }
    let variant = compress(frame, window)
    variants[Int(window.rawValue)] = variant
    return variant
  }

  /// Forgets the last frame, so that it is not held for longer than it is sent.
  func forget() {
    guard source != nil else { return }
    source = nil
    events = nil
    text = nil
    for index in variants.indices { variants[index] = nil }
  }

  private func reframed(_ frame: Frame, _ encoding: Encoding) -> Frame {
    switch encoding.framing {
    case .webSocket: return frame
    case .events:
      let event = events ?? encoding.frame(of: frame)
      events = event
      return event
    case .text:
      let text = text ?? encoding.frame(of: frame)
      self.text = text
      return text
    }
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
