import Locks
import LoopTestSupport
import Reactor
import Testing

/// What other threads may do to a loop.
@Suite struct LoopHandleTests {
  @Test func tasksOfManyThreadsAllRunOnTheLoopInOrder() throws {
    let log = Lock<[[Int]]>(Array(repeating: [], count: 8))
    let thread = try LoopThread.start("test-tasks") { _ in nil }
    try onThreads(8) { number in
      for index in 0..<500 {
        let accepted = thread.handle.execute { loop in
          #expect(loop.handle.isCurrent)
          log.withLock { $0[number].append(index) }
        }
        #expect(accepted)
      }
    }
    #expect(!thread.handle.isCurrent)
    thread.stop()
    #expect(log.withLock { $0 } == Array(repeating: Array(0..<500), count: 8))
  }

  @Test func aTaskMayAddAnother() throws {
    let ran = Lock(0)
    let thread = try LoopThread.start("test-nested") { _ in nil }
    thread.handle.execute { loop in
      ran.withLock { $0 += 1 }
      loop.handle.execute { _ in ran.withLock { $0 += 1 } }
    }
    #expect(eventually { ran.withLock { $0 } == 2 })
    thread.stop()
  }

  @Test func whatWasAcceptedRunsAlthoughTheLoopStops() throws {
    for _ in 0..<50 {
      let (accepted, ran) = (Lock(0), Lock(0))
      let thread = try LoopThread.start("test-stop") { _ in nil }
      let finished = Lock(false)
      try DetachedThread.start {
        while thread.handle.execute({ _ in ran.withLock { $0 += 1 } }) { accepted.withLock { $0 += 1 } }
        finished.withLock { $0 = true }
      }
      thread.stop()
      #expect(eventually { finished.withLock { $0 } })
      #expect(ran.withLock { $0 } == accepted.withLock { $0 })
      #expect(!thread.handle.execute { _ in }, "a loop that has ended takes no more")
    }
  }

  // MARK: LoopThread

  @Test func theSetUpRunsOnTheLoopsThread() throws {
    let wasThere = Lock(false)
    let thread = try LoopThread.start("a-name-longer-than-fifteen-bytes") { loop in
      wasThere.withLock { $0 = loop.handle.isCurrent }
      return nil
    }
    #expect(wasThere.withLock { $0 })
    #expect(thread.name == "a-name-longer-than-fifteen-bytes")
    thread.stop()
  }

  @Test func anErrorOfTheSetUpIsThrownToWhoStarts() {
    struct Reason: Error {}
    #expect(throws: Reason.self) { _ = try LoopThread.start("test-error") { _ in throw Reason() } }
  }

  @Test func whatTheSetUpReturnsLivesAsLongAsTheLoop() throws {
    final class Kept {
      let gone: Lock<Bool>
      init(_ gone: Lock<Bool>) { self.gone = gone }
      deinit { gone.withLock { $0 = true } }
    }
    let gone = Lock(false)
    let thread = try LoopThread.start("test-kept") { _ in Kept(gone) }
    let looked = Lock(false)
    thread.handle.execute { _ in looked.withLock { $0 = true } }
    #expect(eventually { looked.withLock { $0 } })
    #expect(!gone.withLock { $0 })
    thread.stop()
    #expect(gone.withLock { $0 })
  }

  // MARK: LoopBound

  private final class Counter {
    var value = 0
  }

  private func startBound() throws -> (LoopThread, LoopBound<Counter>) {
    let shared = Lock<LoopBound<Counter>?>(nil)
    let thread = try LoopThread.start("test-bound") { loop in
      let bound = LoopBound(Counter(), on: loop)
      shared.withLock { $0 = bound }
      return nil
    }
    return (thread, try #require(shared.withLock { $0 }))
  }

  @Test func aBoundValueIsTouchedOnItsLoopAlone() async throws {
    let (thread, bound) = try startBound()
    try onThreads(4) { _ in
      for _ in 0..<250 { bound.execute { $0.value += 1 } }
    }
    #expect(await bound.ask { $0.value } == 1000)
    thread.stop()
    #expect(await bound.ask { $0.value } == nil, "the loop has ended")
    #expect(!bound.execute { $0.value += 1 })
  }

  @Test func everyQuestionIsAnsweredWhileTheLoopStops() async throws {
    let (thread, bound) = try startBound()
    let answers = await withTaskGroup(of: Int?.self) { group in
      for _ in 0..<200 { group.addTask { await bound.ask { $0.value } } }
      group.addTask {
        thread.stop()
        return nil
      }
      return await group.reduce(0) { count, _ in count + 1 }
    }
    #expect(answers == 201)
  }
}
