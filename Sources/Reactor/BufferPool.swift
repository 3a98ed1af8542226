/// Memory for what waits to be sent, given and taken back without an allocation in steady state.
///
/// Sizes are powers of two from 512 bytes to 64 KiB; what comes back is kept up to a limit and freed beyond it.
package final class BufferPool {
  package static let smallest = 512
  package static let largest = 1 << 16
  private static let classes = 8
  /// Kept for later, at most, in bytes.
  private static let maxKept = 32 << 20

  private var free: [[UnsafeMutableRawPointer]] = Array(repeating: [], count: BufferPool.classes)
  private var kept = 0

  package init() {}

  deinit {
    for pointers in free { for pointer in pointers { pointer.deallocate() } }
  }

  /// The size of the buffer that holds `count` bytes; nil when it is more than the largest.
  package static func size(for count: Int) -> Int? {
    guard count <= largest else { return nil }
    return count <= smallest ? smallest : 1 << (Int.bitWidth - (count - 1).leadingZeroBitCount)
  }

  /// A buffer of exactly `size` bytes, one of the pool's sizes.
  package func take(size: Int) -> UnsafeMutableRawPointer {
    let index = Self.index(size)
    if let pointer = free[index].popLast() {
      kept -= size
      return pointer
    }
    return .allocate(byteCount: size, alignment: 16)
  }

  /// Gives a buffer of that size back.
  package func give(_ pointer: UnsafeMutableRawPointer, size: Int) {
    guard kept + size <= Self.maxKept else { return pointer.deallocate() }
    kept += size
    free[Self.index(size)].append(pointer)
  }

  private static func index(_ size: Int) -> Int {
    size.trailingZeroBitCount - smallest.trailingZeroBitCount
  }
}
