import Locks
import LoopTestSupport
import Reactor
import TestSupport
import Testing

@testable import Server

@Suite struct BatchingSenderTests {
  @Test func itemsOfTheOwnLoopWaitForTheReceiverToo() throws {
    let loop = try Loop()
    let mailbox = Mailbox<Int>(on: loop)
    let postbox = BatchingSender(from: loop, to: mailbox)
    var received: [Int] = []
    for number in 0..<3 { postbox.post(number) }
    loop.after(20) { mailbox.receive { received.append($0) } }
    loop.after(60) { [unowned loop] in loop.stop() }
    try loop.runUntilStopped()
    #expect(received == [0, 1, 2])
  }

  @Test func toTheOwnLoopItemsArriveWithinTheTurn() throws {
    let loop = try Loop()
    let mailbox = Mailbox<Int>(on: loop)
    let postbox = BatchingSender(from: loop, to: mailbox)
    var received: [(item: Int, turn: Int)] = []
    var posted = 0
    mailbox.receive { [unowned loop] in received.append(($0, loop.turns)) }
    loop.after(1) { [unowned loop] in
      posted = loop.turns
      for number in 0..<5 { postbox.post(number) }
      #expect(received.isEmpty, "never within the call")
      loop.atEndOfTurn { [unowned loop] in loop.stop() }
    }
    try loop.runUntilStopped()
    #expect(received.map(\.item) == [0, 1, 2, 3, 4])
    #expect(received.allSatisfy { $0.turn == posted })
  }

  /// Nothing else wakes the loop but the far limit of the test.
  @Test func whatWorkAtTheEndOfATurnPostsToTheOwnLoopArrives() throws {
    let loop = try Loop()
    let mailbox = Mailbox<Int>(on: loop)
    let postbox = BatchingSender(from: loop, to: mailbox)
    var waited: [Int64] = []
    var posted: Int64 = 0
    mailbox.receive { [unowned loop] _ in
      waited.append(loop.now - posted)
      loop.stop()
    }
    loop.after(1) { [unowned loop] in
      posted = loop.now
      loop.atEndOfTurn { postbox.post(1) }
    }
    try loop.runUntilStopped()
    #expect(waited.count == 1)
    #expect(waited.allSatisfy { $0 < 30_000 }, "or it was the limit that woke the loop")
  }

  @Test func aReceiverMayPostToItself() throws {
    let loop = try Loop()
    let mailbox = Mailbox<Int>(on: loop)
    let postbox = BatchingSender(from: loop, to: mailbox)
    var received: [Int] = []
    mailbox.receive { [unowned loop] number in
      received.append(number)
      if number < 100 { postbox.post(number + 2) }
      if number == 101 { loop.stop() }
    }
    postbox.post(0)
    postbox.post(1)
    loop.after(0) {}
    try loop.runUntilStopped()
    #expect(received == Array(0...101))
  }

  @Test func aReceiverThatNeverStopsPostingDoesNotStarveTheLoop() throws {
    let loop = try Loop()
    let pair = try SocketPair()
    let reading = Source()
    let mailbox = Mailbox<Int>(on: loop)
    let postbox = BatchingSender(from: loop, to: mailbox)
    var last = 0
    mailbox.receive { number in
      last = number
      if number == 1000 { pair.sendFromFar("x") }
      postbox.post(number + 1)
    }
    reading.onReady = { [unowned loop] _, _ in loop.stop() }
    _ = try loop.add(pair.near, .readable, source: reading)
    postbox.post(0)
    loop.after(0) {}
    try loop.runUntilStopped()
    #expect(last >= 1000)
  }

  @Test func twoMailboxesOfOneLoopMayTalk() throws {
    let loop = try Loop()
    let (ping, pong) = (Mailbox<Int>(on: loop), Mailbox<Int>(on: loop))
    let (toPing, toPong) = (BatchingSender(from: loop, to: ping), BatchingSender(from: loop, to: pong))
    var log: [String] = []
    ping.receive { [unowned loop] in
      log.append("ping \($0)")
      if $0 < 50 { toPong.post($0) } else { loop.stop() }
    }
    pong.receive {
      log.append("pong \($0)")
      toPing.post($0 + 1)
    }
    toPing.post(0)
    loop.after(0) {}
    try loop.runUntilStopped()
    #expect(log == (0..<50).flatMap { ["ping \($0)", "pong \($0)"] } + ["ping 50"])
  }

  @Test func toAnotherLoopItemsLeaveAtTheEndOfTheTurn() throws {
    let received = Lock<[Int]>([])
    let shared = Lock<Mailbox<Int>?>(nil)
    let thread = try LoopThread.start("test-mailbox") { loop in
      let mailbox = Mailbox<Int>(on: loop)
      mailbox.receive { item in received.withLock { $0.append(item) } }
      shared.withLock { $0 = mailbox }
      return nil
    }
    let mailbox = try #require(shared.withLock { $0 })
    let loop = try Loop()
    let postbox = BatchingSender(from: loop, to: mailbox)
    var turn = 0
    let source = Source()
    source.onExpired = { [unowned loop] _ in
      for number in 0..<10 { postbox.post(turn * 10 + number) }
      turn += 1
      guard turn < 20 else { return loop.stop() }
      _ = loop.schedule(after: 0, source: source)
    }
    _ = loop.schedule(after: 0, source: source)
    try loop.runUntilStopped()
    #expect(eventually { received.withLock { $0.count } == 200 })
    #expect(received.withLock { $0 } == Array(0..<200))
    thread.stop()
  }
}
