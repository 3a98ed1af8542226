import Testing

@testable import WebSocket

@Suite struct FrameDecoderMemoryTests {
  @Test func isSmallWhenIdle() {
    #expect(MemoryLayout<FrameDecoder>.size <= 96)
  }

  @Test func announcedBytesCostNothing() {
    var decoder = FrameDecoder.server(maxMessageSize: 64 << 20)
    let frame = RawFrame(opcode: 2, payload: [1], announced: 64 << 20)
    _ = decoder.events(frame.bytes)
    #expect((1...2).contains(decoder.bufferedBytes))
    _ = decoder.events([UInt8](repeating: 0, count: 1000))
    #expect((1001...2002).contains(decoder.bufferedBytes))
  }

  @Test func wholeMessagesAreNotCopied() {
    var bytes = [RawFrame.binary([1, 2, 3]), .ping([4])].bytes
    bytes.withUnsafeMutableBytes { memory in
      var decoder = FrameDecoder.server()
      var rest = memory
      guard case .binary(let message)? = decoder.next(&rest) else {
        Issue.record("no message")
        return
      }
      #expect(message.baseAddress == UnsafeRawPointer(memory.baseAddress)?.advanced(by: 6))
      #expect(rest.count == 7)
      #expect(decoder.bufferedBytes == 0)
      guard case .ping(let payload)? = decoder.next(&rest) else {
        Issue.record("no ping")
        return
      }
      #expect(payload.baseAddress == UnsafeRawPointer(memory.baseAddress)?.advanced(by: 15))
      #expect(decoder.bufferedBytes == 0)
    }
  }

  @Test func headerInOnePieceAndPayloadInTheNextIsNotCopied() {
    let frame = RawFrame.binary(Array(0..<200)).bytes
    var decoder = FrameDecoder.server()
    _ = decoder.events(Array(frame.prefix(8)))
    let seen = decoder.events(Array(frame.dropFirst(8)))
    #expect(seen == [.binary(Array(0..<200))])
    #expect(decoder.bufferedBytes == 0)
  }

  @Test func memoryIsReturnedWithTheMessage() {
    var decoder = FrameDecoder.server()
    let frame = RawFrame.text(String(repeating: "x", count: 5000)).bytes
    _ = decoder.events(Array(frame.prefix(3000)))
    #expect(decoder.bufferedBytes >= 3000 - 8)
    #expect(decoder.bufferedBytes <= 5000)
    let seen = decoder.events(Array(frame.dropFirst(3000)))
    #expect(seen.count == 1)
    #expect(decoder.bufferedBytes == 0)
  }

  @Test func controlFramesLeaveTheMessageAlone() {
    var decoder = FrameDecoder.server()
    _ = decoder.events(RawFrame.text("abc", isFinal: false).bytes)
    for _ in 0..<1000 {
      let ping = RawFrame.ping(Array(0..<125)).bytes
      #expect(decoder.events(Array(ping.prefix(60))) == [])
      #expect(decoder.events(Array(ping.dropFirst(60))) == [.ping(Array(0..<125))])
    }
    #expect(decoder.bufferedBytes <= 256)
    #expect(decoder.events(RawFrame.continuation(Array("d".utf8)).bytes) == [.text("abcd")])
    #expect(decoder.bufferedBytes == 0)
  }

  @Test func smallFragmentsAreCopiedSeldom() {
    var decoder = FrameDecoder.server(maxFragments: 10_000)
    _ = decoder.events(RawFrame.binary([0], isFinal: false).bytes)
    var sizes: Set<Int> = []
    for _ in 0..<5000 {
      _ = decoder.events(RawFrame.continuation([1], isFinal: false).bytes)
      sizes.insert(decoder.bufferedBytes)
    }
    #expect(sizes.count <= 14)
  }

  @Test func aClosedOrFailedDecoderHoldsNothing() {
    for last in [RawFrame.close(1000, Array("bye".utf8)), RawFrame(opcode: 3)] {
      var decoder = FrameDecoder.server()
      _ = decoder.events(RawFrame.text("abc", isFinal: false).bytes)
      #expect(decoder.bufferedBytes > 0)
      _ = decoder.events(last.bytes)
      #expect(decoder.bufferedBytes == 0)
      _ = decoder.events(RawFrame(opcode: 2, payload: [1], announced: 1000).bytes)
      #expect(decoder.bufferedBytes == 0)
    }
  }
}
