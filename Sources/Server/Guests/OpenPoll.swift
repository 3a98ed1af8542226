import Locks
import Model

/// A poll that waits for something to tell: its channels, for at most so long.
package struct PollOpening: Sendable {
  /// Each with where its client stands, where it keeps a history.
  let channels: [StreamOpening.Channel]
  let identity: Identity?
  let author: ClientID?
  /// In milliseconds.
  let wait: Int64
  /// The most events of the answer.
  let limit: Int
  /// Ends the poll before its time, where its client has gone.
  package let cancellation = Cancellation()

  /// From any thread, and at any time.
  package final class Cancellation: Sendable {
    private let state = Lock<(end: (@Sendable () -> Void)?, isCancelled: Bool)>((nil, false))

    package func cancel() {
      let end = state.withLock { state in
        state.isCancelled = true
        return state.end
      }
      end?()
    }

    /// Says how the poll is ended, which happens at once where it was cancelled before.
    func set(_ end: @escaping @Sendable () -> Void) {
      let isCancelled = state.withLock { state in
        state.end = end
        return state.isCancelled
      }
      if isCancelled { end() }
    }
  }

  package init(
    _ channels: [StreamOpening.Channel], identity: Identity?, author: ClientID?, wait: Int64, limit: Int
  ) {
    self.channels = channels
    self.identity = identity
    self.author = author
    self.wait = wait
    self.limit = limit
  }
}

/// What a poll is answered.
package struct PollAnswer: Sendable {
  /// JSON texts, in order.
  package let events: [[UInt8]]
  /// Where the client stands by then.
  package let positions: StreamPositions
}

/// A poll on its loop.
struct OpenPoll {
  private(set) var events: [[UInt8]] = []
  private let limit: Int
  let answer: @Sendable (PollAnswer) -> Void

  init(limit: Int, answer: @escaping @Sendable (PollAnswer) -> Void) {
    self.limit = limit
    self.answer = answer
  }

  var hasRoom: Bool { events.count < limit }

  mutating func append(_ event: [UInt8]) { events.append(event) }
}
