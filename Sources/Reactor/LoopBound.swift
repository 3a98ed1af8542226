/// An object that lives on a loop, as other threads may hold it: they can only send work to where it lives.
///
/// `@unchecked Sendable`: the value is touched only inside `LoopHandle.execute`, hence on its own thread.
package final class LoopBound<Value>: @unchecked Sendable {
  package let handle: LoopHandle
  private let value: Value

  /// Must be made on the loop's thread.
  package init(_ value: Value, on loop: Loop) {
    self.value = value
    handle = loop.handle
  }

  /// Runs `work` with the value on its loop, soon; false when the loop has ended.
  @discardableResult
  package func execute(_ work: @escaping @Sendable (Value) -> Void) -> Bool {
    handle.execute { [self] _ in work(value) }
  }

  /// Asks the value something from the control plane; nil when the loop has ended.
  package func ask<Answer: Sendable>(_ question: @escaping @Sendable (Value) -> Answer) async -> Answer? {
    await withCheckedContinuation { continuation in
      let accepted = execute { continuation.resume(returning: question($0)) }
      if !accepted { continuation.resume(returning: nil) }
    }
  }
}
