import Locks

/// One task that waits for one value, whoever brings it first: the answer or the task's cancellation.
final class OneShot<Value: Sendable>: Sendable {
  private enum State {
    case new
    case waiting(CheckedContinuation<Value, any Error>)
    /// Answered before the task began to wait.
    case early(Result<Value, any Error>)
    case over
  }

  private let state = Lock(State.new)

  /// Waits for what is brought to the one-shot that `begin` gets; throws `CancellationError` when the task is cancelled.
  static func wait(_ begin: (OneShot<Value>) -> Void) async throws -> Value {
    let shot = OneShot()
    begin(shot)
    return try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { shot.wait($0) }
    } onCancel: {
      shot.resume(.failure(CancellationError()))
    }
  }

  /// Brings the value; false when another was there first.
  @discardableResult
  func resume(_ result: Result<Value, any Error>) -> Bool {
    let (continuation, isFirst) = state.withLock { state -> (CheckedContinuation<Value, any Error>?, Bool) in
      switch state {
      case .new:
        state = .early(result)
        return (nil, true)
      case .waiting(let continuation):
        state = .over
        return (continuation, true)
      case .early, .over: return (nil, false)
      }
    }
    continuation?.resume(with: result)
    return isFirst
  }

  private func wait(_ continuation: CheckedContinuation<Value, any Error>) {
    let result = state.withLock { state -> Result<Value, any Error>? in
      switch state {
      case .early(let result):
        state = .over
        return result
      case .new, .waiting, .over:
        state = .waiting(continuation)
        return nil
      }
    }
    if let result { continuation.resume(with: result) }
  }
}
