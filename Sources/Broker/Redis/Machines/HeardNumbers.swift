/// What a node has heard already, by numbers: what goes to all nodes comes by every keyspace, and counts once.
///
/// Numbers begin at a random place on every node, so that two nodes do not have the same.
struct HeardNumbers {
  /// The most that are remembered; what is older would count again.
  let capacity: Int
  private var numbers: Set<UInt64> = []
  /// In the order in which they came; once it is full the oldest is at `next`.
  private var order: [UInt64] = []
  private var next = 0

  init(capacity: Int) {
    self.capacity = capacity
  }

  /// Whether the number is heard for the first time.
  mutating func isNew(_ number: UInt64) -> Bool {
    guard numbers.insert(number).inserted else { return false }
    if order.count < capacity {
      order.append(number)
    } else {
      numbers.remove(order[next])
      order[next] = number
      next = (next + 1) % capacity
    }
    return true
  }

  /// Where the numbers of a node begin.
  static func start() -> UInt64 { UInt64.random(in: 0...UInt64.max >> 1) }
}
