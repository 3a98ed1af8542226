import Locks
import LoopTestSupport
import Reactor
import Testing

@Suite struct LockTests {
  @Test func onlyOneThreadIsInside() throws {
    let lock = Lock((first: 0, second: 0))
    try onThreads(8) { _ in
      for _ in 0..<2000 {
        lock.withLock { value in
          #expect(value.first == value.second)
          value.first += 1
          value.second += 1
        }
      }
    }
    #expect(lock.withLock { $0.second } == 16_000)
  }

  @Test func givesBackWhatTheBodyReturnsOrThrows() {
    struct Reason: Error {}
    let lock = Lock("value")
    #expect(lock.withLock { $0.count } == 5)
    #expect(throws: Reason.self) {
      try lock.withLock { value in
        value = "changed"
        throw Reason()
      }
    }
    #expect(lock.withLock { $0 } == "changed", "it is open again")
  }
}
