import TestSupport
import Testing

@testable import WebSocket

/// RSV1 as permessage-deflate uses it: RFC 7692 section 6.
@Suite struct CompressedFrameTests {
  private func first(_ opcode: UInt8, _ payload: [UInt8], isFinal: Bool = true) -> RawFrame {
    RawFrame(opcode: opcode, payload: payload, isFinal: isFinal, reserved: 4)
  }

  @Test func aMessageOfOneFrame() {
    let frames = [first(1, [1, 2]), first(2, []), .text("plain")]
    #expect(
      FrameDecoder.events(of: frames, compression: true) == [
        .compressed(.text, [1, 2]), .compressed(.binary, []), .text("plain"),
      ])
  }

  /// Compressed bytes are no text, so they are not checked as one; the message after them is.
  @Test func fragmentsAreGatheredUncheckedAndControlFramesPass() {
    let frames = [
      first(1, [0xFF], isFinal: false), .ping([9]), .continuation([0xC3], isFinal: false), .continuation([0x28]),
      .text("é"), RawFrame(opcode: 1, payload: [0xFF]),
    ]
    #expect(
      FrameDecoder.events(of: frames, compression: true) == [
        .ping([9]), .compressed(.text, [0xFF, 0xC3, 0x28]), .text("é"), .violation(1007),
      ])
  }

  @Test(arguments: [0, 8, 9, 10] as [UInt8])
  func onlyTheFirstFrameOfAMessageTellsIt(_ opcode: UInt8) {
    let before = opcode == 0 ? [first(1, [1], isFinal: false)] : []
    let events = FrameDecoder.events(of: before + [first(opcode, [])], compression: true)
    #expect(events == [.violation(1002)])
  }

  @Test(arguments: [1, 2, 3] as [UInt8])
  func theOtherReservedBitsStayForbidden(_ bits: UInt8) {
    for reserved in [bits, bits | 4] {
      let frame = RawFrame(opcode: 1, payload: [], reserved: reserved)
      #expect(FrameDecoder.events(of: [frame], compression: true) == [.violation(1002)])
    }
  }

  @Test func withoutAnAgreementItIsAViolation() {
    #expect(FrameDecoder.events(of: [first(1, [1])]) == [.violation(1002)])
  }

  /// What cannot be compressed becomes longer: a little more than the limit may come, and no more than that.
  @Test func theLimitOfWhatIsGathered() {
    let limits = FrameDecoder.Limits(maxMessageSize: 1024, maxFragments: 4)
    let most = 1024 + 1024 / 16 + 64
    let (fits, tooLong) = ([UInt8](repeating: 7, count: most), [UInt8](repeating: 7, count: most + 1))
    #expect(
      FrameDecoder.events(of: [first(2, fits)], limits: limits, compression: true) == [.compressed(.binary, fits)])
    #expect(FrameDecoder.events(of: [first(2, tooLong)], limits: limits, compression: true) == [.violation(1009)])
    let plain = RawFrame.binary([UInt8](repeating: 7, count: 1025))
    #expect(FrameDecoder.events(of: [plain], limits: limits, compression: true) == [.violation(1009)])
  }

  @Test func howeverItIsCut() {
    let bytes = [first(1, [0xFF, 0xFE, 1, 2, 3], isFinal: false), .ping([1]), .continuation([4, 5])].bytes
    let whole = FrameDecoder.events(of: [bytes], compression: true)
    #expect(whole == [.ping([1]), .compressed(.text, [0xFF, 0xFE, 1, 2, 3, 4, 5])])
    for cut in 0...bytes.count {
      let pieces = [Array(bytes[..<cut]), Array(bytes[cut...])]
      #expect(FrameDecoder.events(of: pieces, compression: true) == whole)
    }
    #expect(FrameDecoder.events(of: bytes.map { [$0] }, compression: true) == whole)
  }
}
