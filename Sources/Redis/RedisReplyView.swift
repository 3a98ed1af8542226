import CHiredis

/// One value of a decoded reply, lent: valid until the codec decodes the next reply.
///
/// Nothing is copied. A reply may have any shape, so what a value is not reads as zero, empty or nil, never as a trap.
package struct RedisReplyView {
  /// The types of RESP2. `null` stands for the null string and for the null array.
  package enum Kind: Equatable, Sendable {
    case string, array, integer, null, status, error
  }

  private let nodes: UnsafePointer<chiredis_node>
  private let text: UnsafePointer<UInt8>
  private let index: Int

  /// The reply that the codec has just decoded, whose root is the first node.
  init(replyOf codec: OpaquePointer) {
    self.init(nodes: chiredis_nodes(codec), text: chiredis_bytes(codec), index: 0)
  }

  private init(nodes: UnsafePointer<chiredis_node>, text: UnsafePointer<UInt8>, index: Int) {
    self.nodes = nodes
    self.text = text
    self.index = index
  }

  package var kind: Kind {
    switch nodes[index].kind {
    case .CHIREDIS_KIND_STRING: .string
    case .CHIREDIS_KIND_ARRAY: .array
    case .CHIREDIS_KIND_INTEGER: .integer
    case .CHIREDIS_KIND_NULL: .null
    case .CHIREDIS_KIND_STATUS: .status
    case .CHIREDIS_KIND_ERROR: .error
    }
  }

  /// The text of a string, a status or an error; empty for everything else.
  package var bytes: UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: text + Int(nodes[index].offset), count: Int(nodes[index].length))
  }

  /// The number of an integer; zero for everything else.
  package var integer: Int { Int(nodes[index].integer) }

  /// The number of elements of an array; zero for everything else.
  package var count: Int { Int(nodes[index].elements) }

  /// The text as UTF-8, with U+FFFD for what is not.
  package var string: String { String(decoding: bytes, as: UTF8.self) }

  /// The error, when it is one.
  package var error: RedisError? { kind == .error ? RedisError(string) : nil }

  /// The array's element at that position, or nil when there is none.
  ///
  /// In constant time where the array has no arrays inside; otherwise the elements before it are skipped one by one.
  package subscript(position: Int) -> RedisReplyView? {
    guard position >= 0, position < count else { return nil }
    if isFlat { return at(index + 1 + position) }
    var child = index + 1
    for _ in 0..<position { child = Int(nodes[child].next) }
    return at(child)
  }

  /// The array's elements in order, in linear time; none for everything else.
  package var children: Children { Children(parent: self) }

  /// The elements two by two, as a hash comes: field and value.
  package var pairs: [(field: RedisReplyView, value: RedisReplyView)] {
    var pairs: [(field: RedisReplyView, value: RedisReplyView)] = []
    pairs.reserveCapacity(count / 2)
    var elements = children
    while let field = elements.next(), let value = elements.next() { pairs.append((field, value)) }
    return pairs
  }

  /// Whether each child is one node, so that they stand side by side.
  private var isFlat: Bool { Int(nodes[index].next) == index + 1 + count }

  private func at(_ index: Int) -> RedisReplyView {
    RedisReplyView(nodes: nodes, text: text, index: index)
  }

  /// The elements of an array, lent as the array is.
  package struct Children: Sequence, IteratorProtocol {
    private let parent: RedisReplyView
    private var position: Int
    private var remaining: Int

    fileprivate init(parent: RedisReplyView) {
      self.parent = parent
      position = parent.index + 1
      remaining = parent.count
    }

    package var underestimatedCount: Int { remaining }

    package mutating func next() -> RedisReplyView? {
      guard remaining > 0 else { return nil }
      remaining -= 1
      let child = parent.at(position)
      position = Int(parent.nodes[position].next)
      return child
    }
  }
}

@available(*, unavailable)
extension RedisReplyView: Sendable {}
