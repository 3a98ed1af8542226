import Reactor
import TestSupport
import Testing

@Suite struct BufferPoolTests {
  @Test func sizesArePowersOfTwo() {
    let table: [(count: Int, size: Int?)] = [
      (0, 512), (1, 512), (511, 512), (512, 512), (513, 1024), (1024, 1024), (1025, 2048), (4097, 8192),
      (32_768, 32_768), (32_769, 65_536), (65_536, 65_536), (65_537, nil), (.max, nil),
    ]
    for (count, size) in table { #expect(BufferPool.size(for: count) == size, "\(count) bytes") }
    let wrong = (0...65_536).filter { count in
      let size = BufferPool.size(for: count) ?? 0
      return size < max(count, 512) || (size > 512 && size / 2 >= count) || size.nonzeroBitCount != 1
    }
    #expect(wrong == [])
  }

  @Test func whatComesBackIsGivenAgain() {
    let pool = BufferPool()
    let first = pool.take(size: 512)
    let second = pool.take(size: 512)
    #expect(first != second)
    pool.give(first, size: 512)
    let again = pool.take(size: 512)
    #expect(again == first)
    pool.give(second, size: 512)
    pool.give(again, size: 512)
    let last = [pool.take(size: 512), pool.take(size: 512)]
    #expect(Set(last) == [first, second])
    for pointer in last { pool.give(pointer, size: 512) }
  }

  @Test func sizesDoNotMix() {
    let pool = BufferPool()
    let small = pool.take(size: 512)
    pool.give(small, size: 512)
    let large = pool.take(size: 1024)
    #expect(large != small)
    let again = pool.take(size: 512)
    #expect(again == small)
    pool.give(large, size: 1024)
    pool.give(again, size: 512)
  }

  @Test func everyByteOfABufferIsItsOwn() {
    let pool = BufferPool()
    var generator = SplitMix64(seed: 4)
    var taken: [(pointer: UnsafeMutableRawPointer, size: Int, mark: UInt8)] = []
    for step in 0..<5000 {
      if taken.count < 40, Bool.random(using: &generator) {
        let size = 512 << Int.random(in: 0...7, using: &generator)
        let mark = UInt8(truncatingIfNeeded: step)
        let pointer = pool.take(size: size)
        pointer.initializeMemory(as: UInt8.self, repeating: mark, count: size)
        taken.append((pointer, size, mark))
      } else if !taken.isEmpty {
        let (pointer, size, mark) = taken.remove(at: Int.random(in: 0..<taken.count, using: &generator))
        let isWhole = UnsafeRawBufferPointer(start: pointer, count: size).allSatisfy { $0 == mark }
        #expect(isWhole, "step \(step)")
        pool.give(pointer, size: size)
      }
    }
    for (pointer, size, _) in taken { pool.give(pointer, size: size) }
  }

  /// Beyond 32 MiB what comes back is freed; that must not disturb what is kept.
  @Test func moreThanIsKeptMayComeBack() {
    let pool = BufferPool()
    let many = (0..<600).map { _ in pool.take(size: BufferPool.largest) }
    #expect(Set(many).count == 600)
    for pointer in many { pool.give(pointer, size: BufferPool.largest) }
    let again = (0..<600).map { _ in pool.take(size: BufferPool.largest) }
    #expect(Set(again).count == 600)
    // The last that was kept is the first to be given again.
    #expect(again.first == many[511])
    for pointer in again { pool.give(pointer, size: BufferPool.largest) }
  }
}
