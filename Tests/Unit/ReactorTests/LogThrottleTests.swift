import Reactor
import Testing

/// A log that clients cannot fill.
@Suite struct LogThrottleTests {
  @Test func failuresAreToldOfOnceInAWhile() {
    var tally = LogThrottle()
    #expect(tally.failed(now: 5) == 1)
    #expect(tally.failed(now: 6) == nil)
    #expect(tally.failed(now: 60_004) == nil)
    #expect(tally.failed(now: 60_005) == 3)
    #expect(tally.failed(now: 60_006) == nil)
    #expect(tally.failed(now: 500_000) == 2)
  }

  @Test func aFewAreToldOfAtOnce() {
    var tally = LogThrottle(burst: 3)
    #expect((0..<5).map { tally.failed(now: $0) } == [1, 1, 1, nil, nil])
    #expect(tally.failed(now: 60_001) == nil)
    #expect((0..<4).map { tally.failed(now: 60_002 + $0) } == [4, 1, 1, nil])
  }
}
