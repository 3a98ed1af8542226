import Testing
import WebSocket

@Suite struct FrameTests {
  private final class Owner {}

  /// Header and payload, one after the other.
  private func bytes(_ frame: Frame) -> [UInt8] { frame.withHeader { Array($0) } + frame.withPayload { Array($0) } }

  @Test(arguments: [0, 1, 5, 125, 126, 65_535, 65_536, 1_000_001])
  func aHeaderIsPutBeforeThePayload(_ count: Int) {
    let payload = (0..<count).map { UInt8(truncatingIfNeeded: $0 * 7) }
    let frame = payload.withUnsafeBytes { FrameEncoder.frame(.binary, payload: $0) }
    let length: [UInt8] =
      switch count {
      case ...125: [UInt8(count)]
      case ...65_535: [126, UInt8(count >> 8), UInt8(count & 0xFF)]
      default: [127] + (0..<8).map { UInt8(truncatingIfNeeded: count >> (56 - 8 * $0)) }
      }
    #expect(bytes(frame) == [0x82] + length + payload)
    #expect(frame.headerCount == 1 + length.count && frame.payloadCount == count)
    #expect(frame.count == frame.headerCount + count)
    #expect(frame.opcode == .binary)
  }

  @Test func thePayloadIsNotCopied() {
    let owner = Owner()
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 3, alignment: 1)
    defer { memory.deallocate() }
    memory.copyBytes(from: [1, 2, 3])
    let frame = Frame(.text, payload: UnsafeRawBufferPointer(memory), of: owner)
    #expect(frame.withPayload { $0.baseAddress } == UnsafeRawPointer(memory.baseAddress))
    #expect(bytes(frame) == [0x81, 3, 1, 2, 3])
  }

  @Test func keepsItsPayloadAlive() {
    weak var known: Owner?
    var frame: Frame?
    do {
      let owner = Owner()
      known = owner
      frame = Frame(.text, payload: UnsafeRawBufferPointer(start: nil, count: 0), of: owner)
    }
    #expect(known != nil)
    frame = nil
    #expect(known == nil)
    _ = frame
  }

  @Test func isTheSameOnlyWithTheSamePayload() {
    let owner = Owner()
    let empty = UnsafeRawBufferPointer(start: nil, count: 0)
    let frame = Frame(.text, payload: empty, of: owner)
    #expect(frame.isSame(as: Frame(.text, payload: empty, of: owner)))
    #expect(!frame.isSame(as: Frame(.binary, payload: empty, of: owner)))
    #expect(!frame.isSame(as: Frame(.text, payload: empty, of: Owner())))
  }

  @Test func bytesNeedNoHeader() {
    let frame = Frame(unframed: [1, 2, 3])
    #expect(bytes(frame) == [1, 2, 3] && frame.headerCount == 0 && frame.count == 3)
    #expect(frame.opcode == nil)
  }
}
