/// When something was done last, so that it is not done again too soon; times are in milliseconds.
struct Cooldown {
  private var last: Int64?

  mutating func start(now: Int64) {
    last = now
  }

  /// Whether so much time has passed since then, or it was never done.
  func isOver(after interval: Int64, now: Int64) -> Bool {
    last.map { now - $0 >= interval } ?? true
  }

  /// The same, and where it is over it starts again.
  mutating func restart(after interval: Int64, now: Int64) -> Bool {
    guard isOver(after: interval, now: now) else { return false }
    start(now: now)
    return true
  }
}
