/// Says when failures are to be told of, so that a backend that is down does not fill the log: the first at once, the
/// others together, once in a while.
struct FailureTally {
  /// Milliseconds between two lines.
  static let interval: Int64 = 60_000

  private var failures = 0
  private var told: Int64?

  /// Counts a failure; returns how many there were since the last line when it is time for one.
  mutating func failed(now: Int64) -> Int? {
    failures += 1
    if let told, now - told < Self.interval { return nil }
    defer { failures = 0 }
    told = now
    return failures
  }
}
