import Reactor

/// Which share of its time a loop works, from one question to the next.
struct LoadMeter {
  /// When it was asked last, and how much the loop had worked by then; in microseconds.
  private var asked: Int64
  private var busy: Int64 = 0

  init(on loop: Loop) {
    asked = loop.nowMicroseconds
  }

  /// The share since it was asked last, 0 to 1; nil where no time has passed.
  mutating func take(of loop: Loop) -> Double? {
    let elapsed = loop.nowMicroseconds - asked
    defer {
      asked = loop.nowMicroseconds
      busy = loop.busyMicroseconds
    }
    return elapsed > 0 ? min(1, Double(loop.busyMicroseconds - busy) / Double(elapsed)) : nil
  }
}
