import CReactor
import Glibc

/// A timer of one's own for moments that a millisecond is too coarse for, by timerfd.
package final class PreciseTimer: EventSource {
  private unowned let loop: Loop
  private let fd: Int32
  private var registration: Registration?
  private let fired: () -> Void

  /// A timer that calls `fired` on its loop, and is not set yet.
  package init(on loop: Loop, _ fired: @escaping () -> Void) throws(SystemError) {
    self.loop = loop
    self.fired = fired
    fd = creactor_timerfd()
    guard fd >= 0 else { throw SystemError("timerfd_create") }
    do {
      registration = try loop.add(fd, .readable, source: self)
    } catch {
      Sys.close(fd)
      throw error
    }
  }

  /// Fires once at `moment`, in nanoseconds of the monotonic clock, or soon if that is over; replaces what was set.
  package func set(at moment: UInt64) {
    if registration != nil { _ = creactor_timerfd_set(fd, max(1, moment)) }
  }

  /// Lets go of the descriptor; the timer fires no more.
  package func stop() {
    guard let registration else { return }
    loop.remove(registration, fd: fd)
    self.registration = nil
    Sys.close(fd)
  }

  package func ready(_ readiness: Readiness, key: UInt32) {
    var expirations: UInt64 = 0
    guard read(fd, &expirations, 8) == 8 else { return }
    fired()
  }

  package func expired(key: UInt32) {}
}

@available(*, unavailable)
extension PreciseTimer: Sendable {}
