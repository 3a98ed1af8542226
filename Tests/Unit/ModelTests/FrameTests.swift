import Model
import Testing

@Suite struct FrameTests {
  private func frame(header: [UInt8], payload: [UInt8]) -> Frame {
    Frame.make(headerCount: header.count, payloadCount: payload.count) { $0.copyBytes(from: header + payload) }
  }

  @Test(arguments: [(0, 0), (2, 0), (0, 1), (2, 5), (4, 126), (10, 65_536), (10, 1_000_001)])
  func lendsTheWholeAndThePayload(_ sizes: (Int, Int)) {
    let header = (0..<sizes.0).map { UInt8(truncatingIfNeeded: 200 + $0) }
    let payload = (0..<sizes.1).map { UInt8(truncatingIfNeeded: $0 * 7) }
    let frame = frame(header: header, payload: payload)
    #expect(frame.count == header.count + payload.count)
    #expect(frame.payloadCount == payload.count)
    #expect(frame.withBytes { Array($0) == header + payload })
    #expect(frame.withPayload { Array($0) == payload })
  }

  @Test func fillGetsExactlyTheRoomThatWasAskedFor() {
    var given = 0
    _ = Frame.make(headerCount: 3, payloadCount: 17) { bytes in
      given = bytes.count
      bytes.initializeMemory(as: UInt8.self, repeating: 0)
    }
    #expect(given == 20)
  }

  @Test func copiesShareTheBytes() {
    let frame = frame(header: [1, 2], payload: [3, 4, 5])
    let copy = frame
    let address = frame.withBytes { $0.baseAddress }
    #expect(copy.withBytes { $0.baseAddress } == address)
    #expect(frame.withPayload { $0.baseAddress } == address.map { $0 + 2 })
  }

  @Test func canBeReadFromManyThreads() async {
    let payload = [UInt8](repeating: 7, count: 10_000)
    let frame = frame(header: [0x81, 0x7E], payload: payload)
    let sums = await withTaskGroup(of: Int.self) { group in
      for _ in 0..<8 {
        group.addTask { frame.withPayload { $0.reduce(0) { $0 + Int($1) } } }
      }
      return await group.reduce(into: [Int]()) { $0.append($1) }
    }
    #expect(sums == [Int](repeating: 70_000, count: 8))
  }
}
