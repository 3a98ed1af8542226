import Glibc
import UnixSignals

/// SIGTERM, SIGINT and SIGHUP, from the moment this is made until it is cancelled.
///
/// The first of SIGTERM and SIGINT can be waited for, a second one ends the process where it stands, whatever the first
/// has begun. SIGHUP asks, any number of times, for what is read from files to be read again.
struct Signals: Sendable {
  /// An element for each SIGHUP; several that come while one is dealt with count once.
  let reloads: AsyncStream<Void>
  private let firsts: AsyncStream<UnixSignal>
  private let watch: Task<Void, Never>

  init(_ signals: UnixSignalsSequence) {
    let (firsts, continuation) = AsyncStream<UnixSignal>.makeStream()
    self.firsts = firsts
    let (reloads, reload) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
    self.reloads = reloads
    watch = Task {
      var isFirst = true
      for await signal in signals {
        if signal == .sighup {
          reload.yield()
          continue
        }
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
