import Glibc
import UnixSignals

/// SIGTERM and SIGINT, from the moment this is made until it is cancelled: the first can be waited for, a second one
/// ends the process where it stands, whatever the first has begun.
struct Signals: Sendable {
  private let firsts: AsyncStream<UnixSignal>
  private let watch: Task<Void, Never>

  init(_ signals: UnixSignalsSequence) {
    let (firsts, continuation) = AsyncStream<UnixSignal>.makeStream()
    self.firsts = firsts
    watch = Task {
      var isFirst = true
      for await signal in signals {
        guard isFirst else { _exit(130) }
        isFirst = false
        continuation.yield(signal)
      }
    }
  }

  /// Waits for the first signal; nil when cancelled before.
  func first() async -> UnixSignal? {
    await firsts.first { _ in true }
  }

  func cancel() {
    watch.cancel()
  }
}
