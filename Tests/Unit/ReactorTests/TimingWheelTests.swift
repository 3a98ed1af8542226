import Reactor
import Testing

@Suite struct TimingWheelTests {
  /// Everything that has run out by `now`, in order.
  private func expired(_ wheel: inout TimingWheel<Int>, _ now: Int64) -> [Int] {
    var payloads: [Int] = []
    while let payload = wheel.popExpired(now: now) { payloads.append(payload) }
    return payloads
  }

  @Test(arguments: [Int64(0), 1, 63, 64, 4095, 1_000_003, 1 << 40])
  func aTimerRunsOutAtItsDeadlineAndNotBefore(_ start: Int64) {
    for delay: Int64 in [1, 2, 62, 63, 64, 65, 127, 128, 4095, 4096, 4097, 262_143, 262_144, 262_145] {
      var wheel = TimingWheel<Int>(now: start)
      _ = wheel.schedule(at: start + delay, 7)
      #expect(expired(&wheel, start + delay - 1) == [], "\(delay) ms from \(start)")
      #expect(wheel.count == 1)
      #expect(expired(&wheel, start + delay) == [7], "\(delay) ms from \(start)")
      #expect(wheel.count == 0)
      #expect(expired(&wheel, start + delay + 100_000) == [])
    }
  }

  @Test func whatIsPastRunsOutAtTheNextMillisecond() {
    var wheel = TimingWheel<Int>(now: 1000)
    for deadline: Int64 in [1000, 999, 0, -5, .min] { _ = wheel.schedule(at: deadline, 1) }
    #expect(expired(&wheel, 1000) == [])
    #expect(expired(&wheel, 1001) == [1, 1, 1, 1, 1])
  }

  @Test func aJumpOfTimeBringsAllOfThemInOrder() {
    var wheel = TimingWheel<Int>(now: 0)
    let delays = [5, 70, 64, 300_000, 4096, 1, 63, 20_000_000, 262_144]
    for delay in delays { _ = wheel.schedule(at: Int64(delay), delay) }
    #expect(expired(&wheel, 30_000_000) == delays.sorted())
  }

  @Test func timeThatGoesBackIsIgnored() {
    var wheel = TimingWheel<Int>(now: 1000)
    _ = wheel.schedule(at: 1500, 1)
    #expect(expired(&wheel, 1400) == [])
    #expect(expired(&wheel, 500) == [])
    #expect(expired(&wheel, 1499) == [])
    #expect(expired(&wheel, 1500) == [1])
  }

  // MARK: Far deadlines

  /// The wheel reaches 2^24 ms; what is later waits in the last slot and is sorted anew.
  @Test(arguments: [Int64(16_777_215), 16_777_216, 16_777_217, 1 << 25, 67_121_209, 1 << 34])
  func aDeadlineBeyondTheReachIsKept(_ delay: Int64) {
    let start: Int64 = 987_654_321
    var wheel = TimingWheel<Int>(now: start)
    _ = wheel.schedule(at: start + delay, 1)
    #expect(expired(&wheel, start + delay - 1) == [])
    #expect(expired(&wheel, start + delay) == [1])
  }

  /// A loop sleeps for `delay` and looks: it must get there exactly, and in few steps.
  @Test(arguments: [Int64(1), 63, 64, 5000, 300_000, 16_777_215, 16_777_216, 1 << 27])
  func followingTheDelayLeadsToTheDeadline(_ delay: Int64) throws {
    for start in Int64(123_450)..<123_520 {
      var wheel = TimingWheel<Int>(now: start)
      _ = wheel.schedule(at: start + delay, 1)
      var (now, steps) = (start, 0)
      while expired(&wheel, now).isEmpty {
        let step = try #require(wheel.delay(from: now), "a timer is forgotten")
        try #require(step > 0, "or the loop spins")
        now += step
        steps += 1
        try #require(steps < 100, "\(delay) ms from \(start)")
      }
      #expect(now == start + delay)
    }
  }

  // MARK: Delay

  @Test func anEmptyWheelWantsNothing() {
    var wheel = TimingWheel<Int>(now: 5)
    #expect(wheel.delay(from: 5) == nil)
    let timer = wheel.schedule(at: 10, 1)
    #expect(wheel.delay(from: 5) == 5)
    #expect(wheel.delay(from: 8) == 2)
    #expect(wheel.delay(from: 10) == 0)
    #expect(wheel.delay(from: 1000) == 0, "overdue, not negative")
    wheel.cancel(timer)
    #expect(wheel.delay(from: 5) == nil)
  }

  @Test func whatIsDueAndNotTakenYetWantsToBeLookedAtNow() {
    var wheel = TimingWheel<Int>(now: 0)
    _ = wheel.schedule(at: 10, 1)
    _ = wheel.schedule(at: 10, 2)
    #expect(wheel.popExpired(now: 10) != nil)
    #expect(wheel.delay(from: 10) == 0)
    #expect(wheel.popExpired(now: 10) != nil)
    #expect(wheel.delay(from: 10) == nil)
  }

  // MARK: Cancelling

  @Test func aCancelledTimerDoesNotRunOut() {
    var wheel = TimingWheel<Int>(now: 0)
    // Three of one slot: the first, the one in the middle and the last of its list.
    for victim in 0..<3 {
      let timers = (0..<3).map { wheel.schedule(at: Int64(victim + 1), $0) }
      wheel.cancel(timers[victim])
      #expect(Set(expired(&wheel, Int64(victim + 1))) == Set(0..<3).subtracting([victim]))
    }
  }

  @Test func cancellingTwiceIsHarmless() {
    var wheel = TimingWheel<Int>(now: 0)
    let timer = wheel.schedule(at: 10, 1)
    _ = wheel.schedule(at: 10, 2)
    wheel.cancel(timer)
    wheel.cancel(timer)
    #expect(wheel.count == 1)
    #expect(expired(&wheel, 10) == [2])
  }

  @Test func cancellingWhatHasRunOutDoesNotHitItsSuccessor() {
    var wheel = TimingWheel<Int>(now: 0)
    let old = wheel.schedule(at: 10, 1)
    #expect(expired(&wheel, 10) == [1])
    wheel.cancel(old)
    let new = wheel.schedule(at: 20, 2)
    #expect(new != old)
    wheel.cancel(old)
    #expect(wheel.count == 1)
    #expect(expired(&wheel, 20) == [2])
  }

  @Test func aPayloadIsLetGoWithItsTimer() {
    final class Object {}
    weak var expired: Object?
    weak var cancelled: Object?
    var wheel = TimingWheel<Object>(now: 0)
    do {
      let (one, two) = (Object(), Object())
      (expired, cancelled) = (one, two)
      _ = wheel.schedule(at: 10, one)
      let timer = wheel.schedule(at: 10, two)
      wheel.cancel(timer)
    }
    #expect(cancelled == nil)
    #expect(expired != nil)
    _ = wheel.popExpired(now: 10)
    #expect(expired == nil)
  }
}
