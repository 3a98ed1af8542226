import Model

/// Does the methods that the node does not know.
package protocol Backend: Sendable {
  /// What it answers to a call, the JSON text that `BackendCall` makes. Ends soon when its task is cancelled.
  func answer(to body: [UInt8]) async -> BackendAnswer
}

extension Backend {
  /// The same, within so many milliseconds.
  package func answer(to body: [UInt8], within milliseconds: Int64) async -> BackendAnswer {
    await withTaskGroup(of: BackendAnswer.self) { group in
      group.addTask { await answer(to: body) }
      group.addTask {
        try? await Task.sleep(for: .milliseconds(max(milliseconds, 0)))
        return .late
      }
      let first = await group.next() ?? .late
      group.cancelAll()
      return first
    }
  }
}

extension BackendAnswer {
  /// Milliseconds from a command to its answer.
  package static let timeLimit: Int64 = 5000

  /// Its time was over.
  package static let late = BackendAnswer.failure(
    .timeout, "The backend did not answer in time; the method may or may not have run.")
}
