import LoopTestSupport
import Reactor
import Testing

@Suite struct LoopTimerTests {
  @Test func timersRunOutInOrderAndNotEarly() throws {
    let loop = try Loop()
    let source = Source()
    let begin = loop.now
    var log: [UInt32] = []
    source.onExpired = { [unowned loop] key in
      log.append(key)
      #expect(loop.now - begin >= Int64(key))
      if log.count == 4 { loop.stop() }
    }
    for delay: UInt32 in [30, 10, 70, 20] { _ = loop.schedule(after: Int64(delay), source: source, key: delay) }
    try loop.runUntilStopped()
    #expect(log == [10, 20, 30, 70])
  }

  @Test func aCancelledTimerDoesNotRunOut() throws {
    let loop = try Loop()
    let source = Source()
    var log: [UInt32] = []
    let timer = loop.schedule(after: 5, source: source, key: 1)
    _ = loop.schedule(after: 10, source: source, key: 2)
    loop.cancel(timer)
    source.onExpired = { [unowned loop] key in
      log.append(key)
      loop.cancel(timer)
      loop.stop()
    }
    try loop.runUntilStopped()
    #expect(log == [2])
  }

  @Test func aTimerMayCancelAnotherOfTheSameMoment() throws {
    let loop = try Loop()
    let source = Source()
    var timers: [TimerID] = []
    var log: [UInt32] = []
    source.onExpired = { [unowned loop] key in
      log.append(key)
      for timer in timers { loop.cancel(timer) }
      loop.after(20) { [unowned loop] in loop.stop() }
    }
    timers = (0..<3).map { loop.schedule(after: 5, source: source, key: $0) }
    try loop.runUntilStopped()
    #expect(log.count == 1)
  }

  /// A timer of no delay that schedules itself again must leave room for everything else.
  @Test func aTimerOfNoDelayDoesNotStarveTheLoop() throws {
    let loop = try Loop()
    let pair = try SocketPair()
    let (ticking, reading) = (Source(), Source())
    var ticks = 0
    ticking.onExpired = { [unowned loop] _ in
      ticks += 1
      if ticks == 3 { pair.sendFromFar("x") }
      _ = loop.schedule(after: -5, source: ticking)
    }
    reading.onReady = { [unowned loop] _, _ in loop.stop() }
    _ = try loop.add(pair.near, .readable, source: reading)
    _ = loop.schedule(after: 0, source: ticking)
    try loop.runUntilStopped()
    #expect(ticks >= 3)
  }

  @Test func aTickerTicksUntilItIsStopped() throws {
    let loop = try Loop()
    var ticks: [Int64] = []
    var ticker: Ticker?
    let begin = loop.now
    ticker = Ticker(on: loop, every: 5) { [unowned loop] in
      ticks.append(loop.now - begin)
      guard ticks.count == 3 else { return }
      ticker?.stop()
      loop.after(50) { [unowned loop] in loop.stop() }
    }
    try loop.runUntilStopped()
    #expect(ticks.count == 3)
    for (index, tick) in ticks.enumerated() { #expect(tick >= Int64(5 * (index + 1))) }
    ticker?.stop()
  }

  // MARK: Completion

  @Test func aCompletionIsCalledOnceWhenFinished() throws {
    let loop = try Loop()
    var calls = 0
    let completion = Completion(on: loop, within: 10) { calls += 1 }
    completion.finish()
    completion.finish()
    #expect(calls == 1)
    loop.after(50) { [unowned loop] in loop.stop() }
    try loop.runUntilStopped()
    #expect(calls == 1, "its time runs out in vain")
  }

  @Test func aCompletionIsCalledOnceWhenItsTimeIsOver() throws {
    let loop = try Loop()
    var calls = 0
    let completion = Completion(on: loop, within: 5) { calls += 1 }
    loop.after(60) { [unowned loop] in
      completion.finish()
      loop.stop()
    }
    try loop.runUntilStopped()
    #expect(calls == 1)
  }
}
