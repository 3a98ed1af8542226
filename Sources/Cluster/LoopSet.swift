/// A loop's number in its server, from 0.
package typealias LoopIndex = Int

/// Some of the server's loops.
package struct LoopSet: Equatable, Sendable, Sequence {
  /// The number of loops a set can name, and hence a server can have.
  package static let capacity = 64

  private var bits: UInt64 = 0

  package init() {}

  /// The first `count` loops.
  package init(first count: Int) {
    for loop in 0..<count { insert(loop) }
  }

  package var isEmpty: Bool { bits == 0 }

  package func contains(_ loop: LoopIndex) -> Bool { bits & 1 << UInt64(loop) != 0 }
  package mutating func insert(_ loop: LoopIndex) { bits |= 1 << UInt64(loop) }
  package mutating func remove(_ loop: LoopIndex) { bits &= ~(1 << UInt64(loop)) }

  package func makeIterator() -> Iterator { Iterator(rest: bits) }

  /// A type of its own: `AnyIterator` allocates.
  package struct Iterator: IteratorProtocol {
    fileprivate var rest: UInt64

    package mutating func next() -> LoopIndex? {
      guard rest != 0 else { return nil }
      defer { rest &= rest - 1 }
      return rest.trailingZeroBitCount
    }
  }
}
