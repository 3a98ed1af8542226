import CReactor
import Glibc
import Locks

/// The part of a loop that other threads may hold: its eventfd, to wake it, and its thread, to recognise it.
///
/// `@unchecked Sendable`: `wakePending` stands behind its own lock, everything else never changes.
package final class LoopHandle: @unchecked Sendable {
  let eventfd: Int32
  private let thread: pthread_t
  private let wakePending = Lock(false)
  /// Work for the loop from the control plane; the hot paths have mailboxes of their own.
  private let tasks = Lock<[@Sendable (Loop) -> Void]?>([])

  /// Must be made on the loop's own thread.
  init() throws(SystemError) {
    eventfd = creactor_eventfd()
    guard eventfd >= 0 else { throw SystemError("eventfd") }
    thread = pthread_self()
  }

  deinit {
    Sys.close(eventfd)
  }

  /// Whether the caller runs on the loop's thread.
  package var isCurrent: Bool { pthread_equal(thread, pthread_self()) != 0 }

  /// Runs `task` on the loop, soon; false when the loop has ended and never will.
  @discardableResult
  package func execute(_ task: @escaping @Sendable (Loop) -> Void) -> Bool {
    let accepted = tasks.withLock { tasks in
      guard tasks != nil else { return false }
      tasks?.append(task)
      return true
    }
    if accepted { wake() }
    return accepted
  }

  /// Makes the loop take a turn. However many wakes come before it does, only the first is a system call.
  func wake() {
    let first = wakePending.withLock { pending in
      defer { pending = true }
      return !pending
    }
    guard first else { return }
    var one: UInt64 = 1
    _ = write(eventfd, &one, 8)
  }

  /// Called by the loop when the eventfd is readable, before it looks at what was posted.
  func acknowledge() {
    var count: UInt64 = 0
    _ = read(eventfd, &count, 8)
    wakePending.withLock { $0 = false }
  }

  func takeTasks() -> [@Sendable (Loop) -> Void] {
    tasks.withLock { tasks in
      defer { if tasks != nil { tasks = [] } }
      return tasks ?? []
    }
  }

  /// Accepts no further task; what is still waiting is returned.
  func retire() -> [@Sendable (Loop) -> Void] {
    tasks.withLock { tasks in
      defer { tasks = nil }
      return tasks ?? []
    }
  }
}
