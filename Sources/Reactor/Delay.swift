/// Something to be done once, later, on a loop.
package final class Delay: EventSource {
  private let action: () -> Void

  /// Does `action` after so many milliseconds; the loop keeps it until then.
  @discardableResult
  package init(_ milliseconds: Int64, on loop: Loop, _ action: @escaping () -> Void) {
    self.action = action
    _ = loop.schedule(after: milliseconds, source: self)
  }

  package func ready(_ readiness: Readiness, key: UInt32) {}

  package func expired(key: UInt32) {
    action()
  }
}

@available(*, unavailable)
extension Delay: Sendable {}
