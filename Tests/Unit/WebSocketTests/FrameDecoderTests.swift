import TestSupport
import Testing

@testable import WebSocket

/// The rules of RFC 6455 section 5, each at its limit and one beyond.
@Suite struct FrameDecoderTests {
  // MARK: What is valid

  @Test(arguments: [0, 1, 125, 126, 127, 65535, 65536, 65537])
  func lengths(_ count: Int) {
    var generator = SplitMix64(seed: UInt64(count))
    let payload = generator.bytes(count)
    #expect(FrameDecoder.events(of: [RawFrame.binary(payload)]) == [.binary(payload)])
    let text = String(repeating: "x", count: count)
    #expect(FrameDecoder.events(of: [RawFrame.text(text)]) == [.text(text)])
  }

  @Test func severalFramesInOnePiece() {
    let frames: [RawFrame] = [
      .text("a"), .ping([1]), .pong([2]), .binary([3]), .text(""), .close(1000, Array("bye".utf8)),
    ]
    #expect(
      FrameDecoder.events(of: frames) == [
        .text("a"), .ping([1]), .pong([2]), .binary([3]), .text(""), .close(1000, "bye"),
      ])
  }

  @Test func fragmentsWithControlFramesBetween() {
    let frames: [RawFrame] = [
      .text("He", isFinal: false), .ping([1]), .continuation(Array("ll".utf8), isFinal: false),
      .continuation([], isFinal: false), .pong(), .continuation(Array("o".utf8)), .text("again"),
    ]
    #expect(FrameDecoder.events(of: frames) == [.ping([1]), .pong([]), .text("Hello"), .text("again")])
  }

  @Test func emptyFragmentsMakeAnEmptyMessage() {
    let frames: [RawFrame] = [.text("", isFinal: false), .continuation([], isFinal: false), .continuation([])]
    #expect(FrameDecoder.events(of: frames) == [.text("")])
  }

  @Test func characterCutBetweenFragments() {
    let euro = Array("€".utf8)
    let frames = [
      RawFrame(opcode: 1, payload: [euro[0]], isFinal: false), .continuation([euro[1]], isFinal: false),
      .continuation([euro[2]]),
    ]
    #expect(FrameDecoder.events(of: frames) == [.text("€")])
  }

  @Test func binaryIsNotLookedAt() {
    #expect(FrameDecoder.events(of: [RawFrame.binary([0xFF, 0xC0])]) == [.binary([0xFF, 0xC0])])
  }

  @Test func clientReadsUnmaskedFrames() {
    let frame = RawFrame(opcode: 1, payload: Array("hi".utf8), key: nil)
    #expect(FrameDecoder.events(of: [frame], role: .client) == [.text("hi")])
  }

  // MARK: Headers

  @Test(arguments: [1, 2, 4] as [UInt8], [0, 1, 2, 8, 9, 10] as [UInt8])
  func reservedBits(_ bits: UInt8, _ opcode: UInt8) {
    #expect(FrameDecoder.events(of: [RawFrame(opcode: opcode, reserved: bits)]) == [.violation(1002)])
  }

  @Test(arguments: [3, 4, 5, 6, 7, 11, 12, 13, 14, 15] as [UInt8])
  func reservedOpcodes(_ opcode: UInt8) {
    #expect(FrameDecoder.events(of: [RawFrame(opcode: opcode)]) == [.violation(1002)])
  }

  @Test func masking() {
    #expect(FrameDecoder.events(of: [RawFrame(opcode: 1, key: nil)]) == [.violation(1002)])
    #expect(FrameDecoder.events(of: [RawFrame(opcode: 1)], role: .client) == [.violation(1002)])
  }

  @Test(arguments: [8, 9, 10] as [UInt8])
  func controlFrames(_ opcode: UInt8) {
    #expect(FrameDecoder.events(of: [RawFrame(opcode: opcode, isFinal: false)]) == [.violation(1002)])
    let payload = [0x03, 0xE8] + [UInt8](repeating: 0x61, count: 124)
    let longest = FrameDecoder.events(of: [RawFrame(opcode: opcode, payload: payload.dropLast())])
    #expect(longest.count == 1 && longest != [.violation(1002)])
    #expect(FrameDecoder.events(of: [RawFrame(opcode: opcode, payload: payload)]) == [.violation(1002)])
    #expect(FrameDecoder.events(of: [RawFrame(opcode: opcode, form: .sixteen)]) == [.violation(1002)])
  }

  @Test func lengthsInTheirShortestForm() {
    let short = [UInt8](repeating: 0, count: 125)
    #expect(FrameDecoder.events(of: [RawFrame(opcode: 2, payload: short, form: .sixteen)]) == [.violation(1002)])
    #expect(
      FrameDecoder.events(of: [RawFrame(opcode: 2, payload: short + [0], form: .sixteen)]) == [.binary(short + [0])])
    let medium = [UInt8](repeating: 0, count: 65535)
    #expect(FrameDecoder.events(of: [RawFrame(opcode: 2, payload: short, form: .sixtyFour)]) == [.violation(1002)])
    #expect(FrameDecoder.events(of: [RawFrame(opcode: 2, payload: medium, form: .sixtyFour)]) == [.violation(1002)])
    #expect(
      FrameDecoder.events(of: [RawFrame(opcode: 2, payload: medium + [0], form: .sixtyFour)]) == [.binary(medium + [0])]
    )
  }

  @Test func lengthsOf63BitsAndMore() {
    let limits = FrameDecoder.Limits(maxMessageSize: .max, maxFragments: 10)
    for announced in [1 << 63, .max] as [UInt64] {
      let frame = RawFrame(opcode: 2, announced: announced)
      #expect(FrameDecoder.events(of: [frame], limits: limits) == [.violation(1002)])
    }
    let longest = RawFrame(opcode: 2, announced: 1 << 63 - 1)
    #expect(FrameDecoder.events(of: [longest], limits: limits) == [])
    #expect(
      FrameDecoder.events(
        of: [.binary([0], isFinal: false), RawFrame(opcode: 0, announced: 1 << 63 - 1)], limits: limits) == [
          .violation(1009)
        ])
  }

  @Test func continuationsAndStarts() {
    #expect(FrameDecoder.events(of: [RawFrame.continuation([])]) == [.violation(1002)])
    #expect(FrameDecoder.events(of: [RawFrame.continuation([], isFinal: false)]) == [.violation(1002)])
    #expect(FrameDecoder.events(of: [.text("a"), .continuation([])]) == [.text("a"), .violation(1002)])
    #expect(FrameDecoder.events(of: [.text("a", isFinal: false), .text("b")]) == [.violation(1002)])
    #expect(FrameDecoder.events(of: [.binary([], isFinal: false), .binary([])]) == [.violation(1002)])
    let ended: [RawFrame] = [.text("a", isFinal: false), .continuation([]), .continuation([])]
    #expect(FrameDecoder.events(of: ended) == [.text("a"), .violation(1002)])
  }

  // MARK: Limits

  @Test func messageSize() {
    let limits = FrameDecoder.Limits(maxMessageSize: 10, maxFragments: 10)
    let ten = [UInt8](0..<10)
    #expect(FrameDecoder.events(of: [RawFrame.binary(ten)], limits: limits) == [.binary(ten)])
    #expect(FrameDecoder.events(of: [RawFrame.binary(ten + [0])], limits: limits) == [.violation(1009)])
    let parts: [RawFrame] = [
      .binary([0, 1, 2, 3], isFinal: false), .ping(ten + ten), .continuation([4, 5, 6, 7, 8, 9]),
    ]
    #expect(FrameDecoder.events(of: parts, limits: limits) == [.ping(ten + ten), .binary(ten)])
    let beyond: [RawFrame] = [.binary(ten, isFinal: false), .continuation([0])]
    #expect(FrameDecoder.events(of: beyond, limits: limits) == [.violation(1009)])
    let twice: [RawFrame] = [.binary(ten), .binary(ten)]
    #expect(FrameDecoder.events(of: twice, limits: limits) == [.binary(ten), .binary(ten)])
  }

  @Test func messageSizeIsDecidedByTheHeader() {
    let header = RawFrame(opcode: 2, announced: 11).bytes
    #expect(FrameDecoder.events(of: [header], limits: .init(maxMessageSize: 10, maxFragments: 1)) == [.violation(1009)])
  }

  @Test func fragments() {
    let limits = FrameDecoder.Limits(maxMessageSize: 10, maxFragments: 3)
    let empty = RawFrame.continuation([], isFinal: false)
    let start = RawFrame.text("a", isFinal: false)
    let allowed = [start, .ping(), empty, .ping(), .continuation([]), start, empty, .continuation([])]
    #expect(FrameDecoder.events(of: allowed, limits: limits) == [.ping([]), .ping([]), .text("a"), .text("a")])
    #expect(FrameDecoder.events(of: [start, empty, empty, empty], limits: limits) == [.violation(1009)])
  }

  // MARK: Text

  @Test func invalidText() {
    #expect(FrameDecoder.events(of: [RawFrame(opcode: 1, payload: [0x61, 0xFF])]) == [.violation(1007)])
    #expect(FrameDecoder.events(of: [RawFrame(opcode: 1, payload: [0xE2, 0x82])]) == [.violation(1007)])
    let cut = [RawFrame(opcode: 1, payload: [0xE2], isFinal: false), .continuation([0x82])]
    #expect(FrameDecoder.events(of: cut) == [.violation(1007)])
    let cutByNothing = [RawFrame(opcode: 1, payload: [0xE2], isFinal: false), .continuation([])]
    #expect(FrameDecoder.events(of: cutByNothing) == [.violation(1007)])
  }

  @Test func invalidTextFailsAtOnce() {
    let frame = RawFrame(opcode: 1, payload: Array("aaa".utf8) + [0xF4, 0x90] + [UInt8](repeating: 0x80, count: 100))
    var decoder = FrameDecoder.server()
    let upToBadByte = decoder.events(Array(frame.bytes.prefix(6 + 4)))
    #expect(upToBadByte == [])
    let badByte = decoder.events([frame.bytes[10]])
    #expect(badByte == [.violation(1007)])
  }

  @Test func textStartsAfreshAfterABinaryMessage() {
    let frames = [
      RawFrame.binary([0xE2]), .text("a"), .binary([0xE2], isFinal: false), .continuation([0x82]), .text("b"),
    ]
    #expect(FrameDecoder.events(of: frames) == [.binary([0xE2]), .text("a"), .binary([0xE2, 0x82]), .text("b")])
  }

  // MARK: Close

  @Test func closeFrames() {
    #expect(FrameDecoder.events(of: [RawFrame(opcode: 8)]) == [.close(nil, "")])
    #expect(FrameDecoder.events(of: [RawFrame(opcode: 8, payload: [0x03])]) == [.violation(1002)])
    #expect(FrameDecoder.events(of: [RawFrame.close(1000)]) == [.close(1000, "")])
    #expect(FrameDecoder.events(of: [RawFrame.close(4999, Array("é".utf8))]) == [.close(4999, "é")])
    #expect(FrameDecoder.events(of: [RawFrame.close(1000, [0xFF])]) == [.violation(1007)])
    #expect(FrameDecoder.events(of: [RawFrame.close(1000, [0xE2, 0x82])]) == [.violation(1007)])
  }

  @Test(arguments: [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535] as [UInt16])
  func closeCodesNobodyMaySend(_ code: UInt16) {
    #expect(FrameDecoder.events(of: [RawFrame.close(code)]) == [.violation(1002)])
  }

  @Test func closeInsideAMessage() {
    let frames: [RawFrame] = [.text("a", isFinal: false), .close(1001), .continuation([])]
    #expect(FrameDecoder.events(of: frames) == [.close(1001, "")])
  }

  @Test func nothingFollowsACloseOrAViolation() {
    #expect(FrameDecoder.events(of: [.close(1000), .text("a"), RawFrame(opcode: 3)]) == [.close(1000, "")])
    #expect(FrameDecoder.events(of: [RawFrame(opcode: 3), .text("a"), .close(1000)]) == [.violation(1002)])
    let pieces = [RawFrame(opcode: 3).bytes, RawFrame.text("a").bytes, RawFrame(opcode: 3).bytes]
    #expect(FrameDecoder.events(of: pieces) == [.violation(1002)])
  }
}
