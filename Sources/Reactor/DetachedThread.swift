import Glibc

/// A thread for one piece of work that blocks, and that nobody waits for.
package enum DetachedThread {
  /// Runs `work` on a new thread; throws when there can be none.
  package static func start(_ work: @escaping @Sendable () -> Void) throws(SystemError) {
    let argument = Unmanaged.passRetained(Work(work))
    var thread = pthread_t()
    let status = pthread_create(
      &thread, nil,
      { argument in
        guard let argument else { return nil }
        Unmanaged<Work>.fromOpaque(argument).takeRetainedValue().run()
        return nil
      }, argument.toOpaque())
    guard status == 0 else {
      argument.release()
      throw SystemError("pthread_create", errno: status)
    }
    pthread_detach(thread)
  }

  private final class Work: Sendable {
    let run: @Sendable () -> Void

    init(_ run: @escaping @Sendable () -> Void) {
      self.run = run
    }
  }
}
