import Cluster

/// A node's writing down of its connections in a Redis that may not know them, without any I/O.
///
/// It lasts from `begin` until each loop has reported its last connection; a full Redis begins it, too. Meanwhile Redis
/// is told again and again that nobody is written down for sure, so that no user is called offline who is only not
/// written down yet.
struct Reentry {
  /// Milliseconds from one telling to the next: less than half of what one is good for.
  static let interval: Int64 = 2000

  /// The loops that have not reported everything.
  private var loops = LoopSet()
  private var told: Int64 = .min / 2

  /// Redis may not know who is connected to any of so many loops.
  mutating func begin(loops count: Int) {
    if loops.isEmpty { told = .min / 2 }
    loops = LoopSet(first: count)
  }

  /// Redis has taken the last of a loop's connections.
  mutating func finished(_ loop: LoopIndex) {
    loops.remove(loop)
  }

  /// Whether Redis is to be told now.
  mutating func takeDue(now: Int64) -> Bool {
    guard !loops.isEmpty, now - told >= Self.interval else { return false }
    told = now
    return true
  }
}
