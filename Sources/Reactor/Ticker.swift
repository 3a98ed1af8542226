/// Calls somebody again and again on a loop.
package final class Ticker: EventSource {
  private unowned let loop: Loop
  private let interval: Int64
  private let tick: () -> Void
  private var timer: TimerID?

  /// Calls `tick` every `interval` milliseconds, first after one interval, until `stop`.
  package init(on loop: Loop, every interval: Int64, _ tick: @escaping () -> Void) {
    self.loop = loop
    self.interval = interval
    self.tick = tick
    timer = loop.schedule(after: interval, source: self)
  }

  package func stop() {
    if let timer { loop.cancel(timer) }
    timer = nil
  }

  package func ready(_ readiness: Readiness, key: UInt32) {}

  package func expired(key: UInt32) {
    timer = loop.schedule(after: interval, source: self)
    tick()
  }
}

@available(*, unavailable)
extension Ticker: Sendable {}
