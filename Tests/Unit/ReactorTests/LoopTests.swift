import LoopTestSupport
import Reactor
import Testing

@Suite struct LoopTests {
  @Test func tellsWhoIsReadyAndForWhat() throws {
    let loop = try Loop()
    let (one, two) = (try SocketPair(), try SocketPair())
    let source = Source()
    var events: [UInt32: Readiness] = [:]
    _ = try loop.add(one.near, .readable, source: source, key: 1)
    _ = try loop.add(two.near, [.readable, .writable], source: source, key: 2)
    source.onReady = { [unowned loop] readiness, key in
      events[key] = readiness
      if events.count == 2 { loop.stop() }
    }
    one.sendFromFar("x")
    try loop.runUntilStopped()
    #expect(events == [1: .readable, 2: .writable])
  }

  @Test func tellsThatThePeerHasEnded() throws {
    let loop = try Loop()
    let pair = try SocketPair()
    let source = Source()
    var seen = Readiness()
    _ = try loop.add(pair.near, [.readable, .peerClosed], source: source)
    source.onReady = { [unowned loop] readiness, _ in
      seen = readiness
      loop.stop()
    }
    pair.closeFar()
    try loop.runUntilStopped()
    #expect(seen.contains([.readable, .peerClosed]))
    #expect(!seen.isDisjoint(with: .failed), "hang-up is told without being asked for")
  }

  @Test func levelTriggeredTellsAsLongAsItLastsAndEdgeTriggeredOnce() throws {
    let loop = try Loop()
    let (level, edge) = (try SocketPair(), try SocketPair())
    let source = Source()
    var counts: [UInt32: Int] = [:]
    _ = try loop.add(level.near, .readable, source: source, key: 1)
    _ = try loop.add(edge.near, [.readable, .edgeTriggered], source: source, key: 2)
    source.onReady = { [unowned loop] _, key in
      counts[key, default: 0] += 1
      if counts[1] == 10 { edge.sendFromFar("more") }
      if counts[1] == 20 { loop.stop() }
    }
    level.sendFromFar("x")
    edge.sendFromFar("x")
    try loop.runUntilStopped()
    #expect(counts == [1: 20, 2: 2])
  }

  @Test func interestCanBeChanged() throws {
    let loop = try Loop()
    let pair = try SocketPair()
    let source = Source()
    var log: [String] = []
    let registration = try loop.add(pair.near, .writable, source: source)
    source.onReady = { [unowned loop] readiness, _ in
      log.append(readiness.contains(.writable) ? "writable" : "readable")
      guard log.count == 1 else { return loop.stop() }
      loop.modify(registration, fd: pair.near, .readable)
      loop.after(5) { pair.sendFromFar("x") }
    }
    try loop.runUntilStopped()
    #expect(log == ["writable", "readable"])
  }

  // MARK: Descriptors that go

  @Test func whatWasRemovedGetsNoEventThatWasFetchedBefore() throws {
    let loop = try Loop()
    let pairs = [try SocketPair(), try SocketPair(), try SocketPair()]
    let source = Source()
    let registrations = try pairs.enumerated().map { index, pair in
      try loop.add(pair.near, .readable, source: source, key: UInt32(index))
    }
    var seen: [UInt32] = []
    source.onReady = { [unowned loop] _, key in
      seen.append(key)
      for (index, registration) in registrations.enumerated() where index != Int(key) {
        loop.remove(registration, fd: pairs[index].near)
      }
      // The others' events are in the same batch.
      loop.stop()
    }
    for pair in pairs { pair.sendFromFar("x") }
    try loop.runUntilStopped()
    #expect(seen.count == 1)
  }

  @Test func whatTookTheSlotMeanwhileDoesNotGetTheEventEither() throws {
    let loop = try Loop()
    let (old, new) = ([try SocketPair(), try SocketPair()], try SocketPair())
    let (source, successor) = (Source(), Source())
    let registrations = try old.enumerated().map { index, pair in
      try loop.add(pair.near, .readable, source: source, key: UInt32(index))
    }
    var seen = 0
    source.onReady = { [unowned loop] _, key in
      seen += 1
      let other = 1 - Int(key)
      loop.remove(registrations[other], fd: old[other].near)
      // Readable too, but that is another event, of the next turn.
      new.sendFromFar("x")
      #expect(throws: Never.self) { _ = try loop.add(new.near, .readable, source: successor, key: 9) }
      loop.stop()
    }
    successor.onReady = { _, _ in Issue.record("an event of somebody else") }
    for pair in old { pair.sendFromFar("x") }
    try loop.runUntilStopped()
    #expect(seen == 1)
  }

  @Test func removingTwiceDoesNotHitTheNextInTheSlot() throws {
    let loop = try Loop()
    let (old, new) = (try SocketPair(), try SocketPair())
    let (source, successor) = (Source(), Source())
    let first = try loop.add(old.near, .readable, source: source)
    loop.remove(first, fd: old.near)
    _ = try loop.add(new.near, .readable, source: successor, key: 2)
    loop.remove(first, fd: new.near)
    var seen: [UInt32] = []
    source.onReady = { _, _ in Issue.record("it was removed") }
    successor.onReady = { [unowned loop] _, key in
      seen.append(key)
      loop.stop()
    }
    new.sendFromFar("x")
    try loop.runUntilStopped()
    #expect(seen == [2])
  }

  @Test func aDescriptorThatCannotBeWatchedIsAnError() throws {
    let loop = try Loop()
    let pair = try SocketPair()
    #expect(throws: SystemError.self) { _ = try loop.add(-1, .readable, source: Source()) }
    _ = try loop.add(pair.near, .readable, source: Source())
    #expect(throws: SystemError.self, "twice") { _ = try loop.add(pair.near, .readable, source: Source()) }
  }

  @Test func aRemovedSourceIsLetGo() throws {
    let loop = try Loop()
    let pair = try SocketPair()
    weak var source: Source?
    let registration: Registration
    do {
      let strong = Source()
      source = strong
      registration = try loop.add(pair.near, .readable, source: strong)
    }
    #expect(source != nil, "the loop keeps it")
    loop.remove(registration, fd: pair.near)
    #expect(source == nil)
  }

  // MARK: Order within a turn

  @Test func aTurnHasItsOrder() throws {
    let loop = try Loop()
    let pair = try SocketPair()
    let source = Source()
    var log: [String] = []
    _ = try loop.add(pair.near, .readable, source: source)
    source.onReady = { [unowned loop] _, _ in
      _ = pair.receiveAtNear()
      log.append("event, turn \(loop.turns)")
      loop.atEndOfTurn { [unowned loop] in
        log.append("end, turn \(loop.turns)")
        loop.atEndOfTurn { [unowned loop] in log.append("end of the end, turn \(loop.turns)") }
        loop.laterInTurn { log.append("later, from the end") }
      }
      loop.laterInTurn { log.append("later") }
      _ = loop.schedule(after: 0, source: source)
    }
    // On a slow machine the timer runs out in the first turn already.
    var timeout = 100
    source.onExpired = { [unowned loop] _ in
      timeout -= 1
      if log.count >= 5 || timeout == 0 { loop.stop() } else { _ = loop.schedule(after: 1, source: source) }
    }
    pair.sendFromFar("x")
    try loop.runUntilStopped()
    #expect(
      log == ["event, turn 1", "later", "end, turn 1", "end of the end, turn 1", "later, from the end"])
  }

  @Test func workAtTheEndRunsInOrder() throws {
    let loop = try Loop()
    var log: [Int] = []
    for number in 0..<100 { loop.atEndOfTurn { log.append(number) } }
    loop.atEndOfTurn { [unowned loop] in loop.stop() }
    loop.after(0) {}
    try loop.runUntilStopped()
    #expect(log == Array(0..<100))
  }

  @Test func countsTurnsAndWork() throws {
    let loop = try Loop()
    let begin = loop.nowMicroseconds
    var spun = 0
    loop.after(1) { [unowned loop] in
      let start = Sys.monotonicMicroseconds()
      while Sys.monotonicMicroseconds() < start + 2000 { spun += 1 }
      loop.after(1) { [unowned loop] in loop.stop() }
    }
    try loop.runUntilStopped()
    #expect(spun > 0)
    #expect(loop.turns >= 2)
    #expect(loop.busyMicroseconds >= 2000)
    #expect(loop.nowMicroseconds - begin >= loop.busyMicroseconds - 10_000_000, "it has not worked longer than it ran")
    #expect(loop.now == loop.nowMicroseconds / 1000)
  }
}
