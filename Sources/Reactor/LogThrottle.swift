/// Says when failures are to be told of, so that what clients bring about, or a backend or Redis that is down, does not fill
/// the log: the first at once, the others together, once in a while.
package struct LogThrottle {
  /// Milliseconds between two lines.
  package static let interval: Int64 = 60_000

  /// Lines that are written at once after as long a rest.
  private let burst: Int
  private var lines: Int
  private var failures = 0
  private var told: Int64?

  package init(burst: Int = 1) {
    self.burst = burst
    lines = burst
  }

  /// Counts a failure; returns how many there were since the last line when it is time for one. `now` in milliseconds.
  package mutating func failed(now: Int64) -> Int? {
    failures += 1
    if let told, now - told >= Self.interval { lines = burst }
    guard lines > 0 else { return nil }
    defer { failures = 0 }
    lines -= 1
    told = now
    return failures
  }
}
