/// Calls back exactly once: when told to, or when the time is over, whichever comes first.
package final class Completion {
  private var action: (() -> Void)?
  private var limit: Ticker?

  /// Waits at most `milliseconds` for `finish`.
  package init(on loop: Loop, within milliseconds: Int64, _ action: @escaping () -> Void) {
    self.action = action
    limit = Ticker(on: loop, every: milliseconds) { [unowned self] in finish() }
  }

  package func finish() {
    limit?.stop()
    limit = nil
    let action = action
    self.action = nil
    action?()
  }
}

@available(*, unavailable)
extension Completion: Sendable {}
