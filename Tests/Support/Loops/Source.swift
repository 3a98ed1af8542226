import Reactor
import Testing

/// Something on a loop that does what a test tells it.
package final class Source: EventSource {
  package var onReady: (_ readiness: Readiness, _ key: UInt32) -> Void = { _, _ in }
  package var onExpired: (_ key: UInt32) -> Void = { _ in }

  package init() {}

  package func ready(_ readiness: Readiness, key: UInt32) { onReady(readiness, key) }
  package func expired(key: UInt32) { onExpired(key) }
}

extension Loop {
  /// Runs until the test stops the loop; fails when that does not happen for a very long time.
  package func runUntilStopped() throws {
    let limit = Source()
    var isOver = false
    limit.onExpired = { [unowned self] _ in
      isOver = true
      stop()
    }
    _ = schedule(after: 60_000, source: limit)
    run()
    try #require(!isOver, "the loop was never stopped")
  }

  /// Does something once that much time has passed.
  package func after(_ milliseconds: Int64, _ work: @escaping () -> Void) {
    let source = Source()
    source.onExpired = { _ in work() }
    _ = schedule(after: milliseconds, source: source)
  }
}
