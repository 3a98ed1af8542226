import Model
import Testing

@Suite struct EventTextTests {
  @Test(arguments: [0, 1, 5, 126, 65_536, 1_000_001])
  func lendsItsBytes(_ count: Int) {
    let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 * 7) }
    let text = EventText(bytes)
    #expect(text.count == count)
    #expect(text.withBytes { Array($0) == bytes })
  }

  @Test func fillGetsExactlyTheRoomThatWasAskedFor() {
    var given = 0
    _ = EventText.make(count: 17) { bytes in
      given = bytes.count
      bytes.initializeMemory(as: UInt8.self, repeating: 0)
    }
    #expect(given == 17)
  }

  @Test func copiesShareTheBytes() {
    let text = EventText([3, 4, 5])
    let copy = text
    #expect(copy.withBytes { $0.baseAddress } == text.withBytes { $0.baseAddress })
    let isSame = copy.owner === text.owner
    #expect(isSame)
  }

  @Test func canBeReadFromManyThreads() async {
    let text = EventText([UInt8](repeating: 7, count: 10_000))
    let sums = await withTaskGroup(of: Int.self) { group in
      for _ in 0..<8 {
        group.addTask { text.withBytes { $0.reduce(0) { $0 + Int($1) } } }
      }
      return await group.reduce(into: [Int]()) { $0.append($1) }
    }
    #expect(sums == [Int](repeating: 70_000, count: 8))
  }
}
