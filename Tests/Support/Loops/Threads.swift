import Glibc
import Locks
import Reactor

/// Runs `work` on `count` threads at once and waits for all of them.
package func onThreads(_ count: Int, _ work: @escaping @Sendable (_ thread: Int) -> Void) throws {
  let finished = Lock(0)
  for thread in 0..<count {
    try DetachedThread.start {
      work(thread)
      finished.withLock { $0 += 1 }
    }
  }
  while finished.withLock({ $0 }) < count { usleep(500) }
}

/// Waits for something that other threads bring about; false when it has not come about for a very long time.
package func eventually(_ condition: () -> Bool) -> Bool {
  for _ in 0..<60_000 {
    if condition() { return true }
    usleep(1000)
  }
  return false
}
