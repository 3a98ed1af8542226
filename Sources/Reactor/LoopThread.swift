import CReactor
import Glibc
import Locks

/// A thread that runs one loop.
package final class LoopThread: Sendable {
  package let name: String
  package let handle: LoopHandle
  private let thread: pthread_t

  private struct Start: Sendable {
    let name: String
    let setup: @Sendable (Loop) throws -> AnyObject?
    let outcome: Channel
  }

  /// How the new thread tells its maker what became of the set-up.
  private final class Channel: Sendable {
    let result = Lock<Result<LoopHandle, any Error>?>(nil)
  }

  /// Starts a thread called `name` (15 bytes at most are shown) with a loop on it.
  ///
  /// `setup` runs on the new thread before the loop does; the object it returns lives as long as the loop. Its error,
  /// or the system's, is thrown here.
  package static func start(
    _ name: String, setup: @escaping @Sendable (Loop) throws -> AnyObject?
  ) throws -> LoopThread {
    let outcome = Channel()
    let start = Unmanaged.passRetained(Box(Start(name: name, setup: setup, outcome: outcome)))
    var thread = pthread_t()
    let status = pthread_create(
      &thread, nil,
      { argument in
        guard let argument else { return nil }
        LoopThread.main(Unmanaged<Box<Start>>.fromOpaque(argument).takeRetainedValue().value)
        return nil
      }, start.toOpaque())
    guard status == 0 else {
      start.release()
      throw SystemError("pthread_create", errno: status)
    }
    while true {
      switch outcome.result.withLock({ $0 }) {
      case .success(let handle): return LoopThread(name: name, handle: handle, thread: thread)
      case .failure(let error):
        pthread_join(thread, nil)
        throw error
      case nil: break
      }
      usleep(200)
    }
  }

  private init(name: String, handle: LoopHandle, thread: pthread_t) {
    self.name = name
    self.handle = handle
    self.thread = thread
  }

  /// Ends the loop after its present turn and waits for the thread.
  package func stop() {
    handle.execute { $0.stop() }
    pthread_join(thread, nil)
  }

  /// Ends the loop after its present turn without waiting for the thread, which may be the caller's own.
  package func end() {
    handle.execute { $0.stop() }
    pthread_detach(thread)
  }

  private static func main(_ start: Start) {
    creactor_name_thread(String(start.name.prefix(15)))
    do {
      let loop = try Loop()
      let kept = try start.setup(loop)
      start.outcome.result.withLock { $0 = .success(loop.handle) }
      withExtendedLifetime(kept) { loop.run() }
    } catch {
      start.outcome.result.withLock { $0 = .failure(error) }
    }
  }

  private final class Box<Value: Sendable>: Sendable {
    let value: Value

    init(_ value: Value) {
      self.value = value
    }
  }
}
