import Locks
import Model
import Reactor

/// Has calls done by the backend, so that no loop waits for it: so many at a time, the others in order of their coming.
final class BackendDispatcher: Sendable {
  /// What becomes of a call's answer.
  enum Purpose: Sendable {
    /// It is the reply to the command of that id.
    case request(RequestID?)
    /// It is the answer to the call of that id, by itself or at a place of a batch.
    case call(RequestID, part: (batch: OpenCalls.BatchID, index: Int)?)
    /// Nobody waits for it.
    case notification
  }

  struct Call: Sendable {
    let session: SessionID
    let purpose: Purpose
    let body: [UInt8]
    /// When its time is over, in milliseconds of the loops' clock.
    let deadline: Int64
    let answers: Mailbox<Answer>
  }

  struct Answer: Sendable {
    let session: SessionID
    let purpose: Purpose
    let answer: BackendAnswer
  }

  private let backend: any Backend
  private let queue = Lock(CallQueue<Call>())

  init(_ backend: any Backend) {
    self.backend = backend
  }

  /// Takes a call; its answer comes to its mailbox once, within its time. False when too many wait: then nothing comes.
  func take(_ call: Call) -> Bool {
    switch queue.withLock({ $0.enter(call, bytes: call.body.count, deadline: call.deadline) }) {
    case .runs:
      Task { await run(call) }
      return true
    case .waits: return true
    case .refused: return false
    }
  }

  /// Runs a call, and behind it those that wait.
  private func run(_ first: Call) async {
    var next: Call? = first
    while let call = next {
      finish(call, await backend.answer(to: call.body, within: call.deadline - Self.now))
      let turn = queue.withLock { $0.ended(now: Self.now) }
      for call in turn.late { finish(call, Self.neverRun) }
      next = turn.next
    }
  }

  private func finish(_ call: Call, _ answer: BackendAnswer) {
    call.answers.post(Answer(session: call.session, purpose: call.purpose, answer: answer))
  }

  private static var now: Int64 { Sys.monotonicMicroseconds() / 1000 }

  private static let neverRun = BackendAnswer.failure(
    .unavailable, "The backend is overloaded; the method did not run.")
}
