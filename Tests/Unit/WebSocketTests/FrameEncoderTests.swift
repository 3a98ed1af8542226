import TestSupport
import Testing

@testable import WebSocket

@Suite struct FrameEncoderTests {
  private func bytes(_ frame: Frame) -> [UInt8] { frame.withHeader { Array($0) } + frame.withPayload { Array($0) } }

  @Test(arguments: [(0, 2), (125, 2), (126, 4), (127, 4), (65535, 4), (65536, 10)])
  func frames(_ count: Int, _ headerCount: Int) {
    let payload = [UInt8](repeating: 7, count: count)
    let frame = payload.withUnsafeBytes { FrameEncoder.frame(.binary, payload: $0) }
    #expect(frame.count == headerCount + count)
    #expect(frame.payloadCount == count)
    #expect(FrameEncoder.headerCount(for: count) == headerCount)
    #expect(bytes(frame) == RawFrame(opcode: 2, payload: payload, key: nil).bytes)
  }

  @Test(arguments: [0, 1, 125, 126, 65535, 65536])
  func maskedFrames(_ count: Int) {
    var generator = SplitMix64(seed: UInt64(count))
    let payload = generator.bytes(count)
    let frame = payload.withUnsafeBytes { FrameEncoder.masked(.binary, payload: $0, key: 0x0403_0201) }
    #expect(frame == RawFrame(opcode: 2, payload: payload, key: [1, 2, 3, 4]).bytes)
  }

  @Test(arguments: [0, 1, 125, 126, 65535, 65536])
  func decodingUndoesEncoding(_ count: Int) {
    let text = String(repeating: "x", count: count)
    #expect(FrameDecoder.events(of: [bytes(FrameEncoder.text(text))], role: .client) == [.text(text)])
    #expect(FrameDecoder.events(of: [bytes(FrameEncoder.text(Array(text.utf8)))], role: .client) == [.text(text)])
    let masked = Array(text.utf8).withUnsafeBytes { FrameEncoder.masked(.text, payload: $0, key: 0xA1B2_C3D4) }
    #expect(FrameDecoder.events(of: [masked]) == [.text(text)])
  }

  @Test func controlFrames() {
    let payload = [UInt8](0..<125)
    let ping = payload.withUnsafeBytes { FrameEncoder.frame(.ping, payload: $0) }
    let pong = payload.withUnsafeBytes { FrameEncoder.frame(.pong, payload: $0) }
    #expect(FrameDecoder.events(of: [bytes(ping), bytes(pong)], role: .client) == [.ping(payload), .pong(payload)])
  }

  @Test func closeFrames() {
    #expect(bytes(FrameEncoder.close(nil)) == [0x88, 0])
    #expect(bytes(FrameEncoder.close(.normal)) == [0x88, 2, 0x03, 0xE8])
    let frame = bytes(FrameEncoder.close(.overloaded, reason: "zu langsam"))
    #expect(FrameDecoder.events(of: [frame], role: .client) == [.close(1013, "zu langsam")])
  }

  @Test func closeReasonIsCutBetweenCharacters() {
    for character in ["x", "é", "€", "😀"] {
      for padding in 0..<4 {
        let reason = String(repeating: "-", count: padding) + String(repeating: character, count: 124)
        let fitting = (123 - padding) / character.utf8.count
        let expected = String(repeating: "-", count: padding) + String(repeating: character, count: fitting)
        let frame = bytes(FrameEncoder.close(.normal, reason: reason))
        #expect(FrameDecoder.events(of: [frame], role: .client) == [.close(1000, expected)])
      }
    }
    let exact = String(repeating: "€", count: 41)
    #expect(FrameEncoder.closePayload(.normal, reason: exact).count == 125)
  }
}
