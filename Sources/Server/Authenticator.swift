import Model
import Reactor
import Synchronization

/// Has tokens judged on a thread of its own, so that no loop waits for a signature to be verified.
final class Authenticator: Sendable {
  /// What is to become of a token's connection.
  enum Purpose: Sendable {
    /// It came with the handshake: nothing has been said to the client yet, which is to be warned of that.
    case handshake(Warnings)
    /// It came by the command of that id.
    case command(RequestID?)
  }

  struct Verification: Sendable {
    let session: SessionID
    let purpose: Purpose
    let decision: Result<Identity, Refusal>
  }

  private struct Request: Sendable {
    let token: String
    let answer: @Sendable (Result<Identity, Refusal>) -> Void
  }

  /// Tokens that may wait: at a tenth of a millisecond for each, a new one waits a tenth of a second at most.
  static let capacity = 1024

  private let requests: Mailbox<Request>
  private let waiting: Waiting

  /// How many tokens wait.
  private final class Waiting: Sendable {
    let count = Atomic(0)
  }

  private init(_ requests: Mailbox<Request>, _ waiting: Waiting) {
    self.requests = requests
    self.waiting = waiting
  }

  /// Starts the thread; `made` gets the authenticator before this returns.
  static func start(_ authority: any TokenAuthority, _ made: @escaping @Sendable (Authenticator) -> Void) throws
    -> LoopThread
  {
    try LoopThread.start("apus-auth") { loop in
      let requests = Mailbox<Request>(on: loop)
      let waiting = Waiting()
      requests.receive { request in
        let decision = authority.verify(request.token, wall: Sys.wallMilliseconds())
        waiting.count.wrappingSubtract(1, ordering: .relaxed)
        request.answer(decision)
      }
      made(Authenticator(requests, waiting))
      return nil
    }
  }

  /// Has a token judged; the answer comes to `answers`. False when too many wait: then nothing comes.
  func verify(_ token: String, _ session: SessionID, _ purpose: Purpose, answers: Mailbox<Verification>) -> Bool {
    verify(token) { answers.post(Verification(session: session, purpose: purpose, decision: $0)) }
  }

  /// The same with an answer that is called on the authenticator's thread, and must not take long.
  func verify(_ token: String, then answer: @escaping @Sendable (Result<Identity, Refusal>) -> Void) -> Bool {
    guard waiting.count.wrappingAdd(1, ordering: .relaxed).newValue <= Self.capacity else {
      waiting.count.wrappingSubtract(1, ordering: .relaxed)
      return false
    }
    requests.post(Request(token: token, answer: answer))
    return true
  }
}
