import DequeModule
import Locks
import LoopTestSupport
import Reactor
import Testing

@Suite struct MailboxTests {
  @Test func itemsOfEachSenderArriveOnceAndInOrder() throws {
    let loop = try Loop()
    let mailbox = Mailbox<(sender: Int, number: Int)>(on: loop)
    var received: [[Int]] = Array(repeating: [], count: 4)
    var count = 0
    mailbox.receive { [unowned loop] item in
      #expect(loop.handle.isCurrent)
      received[item.sender].append(item.number)
      count += 1
      if count == 4 * 3000 { loop.stop() }
    }
    for sender in 0..<4 {
      try DetachedThread.start {
        var batch: Deque<(sender: Int, number: Int)> = []
        for number in 0..<3000 {
          // One by one and in batches, mixed.
          if number % 7 < 3 {
            mailbox.post(contentsOf: &batch)
            mailbox.post((sender, number))
          } else {
            batch.append((sender, number))
          }
        }
        mailbox.post(contentsOf: &batch)
      }
    }
    try loop.runUntilStopped()
    #expect(received == Array(repeating: Array(0..<3000), count: 4))
  }

  @Test func aBatchLeavesItsQueueEmpty() throws {
    let loop = try Loop()
    let mailbox = Mailbox<Int>(on: loop)
    var received: [Int] = []
    mailbox.receive { received.append($0) }
    var batch: Deque = [1, 2, 3]
    mailbox.post(contentsOf: &batch)
    #expect(batch.isEmpty)
    mailbox.post(contentsOf: &batch)
    loop.after(20) { [unowned loop] in loop.stop() }
    try loop.runUntilStopped()
    #expect(received == [1, 2, 3])
  }

  // MARK: Before there is a receiver

  @Test func itemsWaitForTheReceiver() throws {
    let loop = try Loop()
    let mailbox = Mailbox<Int>(on: loop)
    let received = Lock<[Int]>([])
    for number in 0..<3 { mailbox.post(number) }
    loop.handle.execute { _ in
      // In the turn in which the loop is woken for them.
      mailbox.receive { number in received.withLock { $0.append(number) } }
    }
    loop.after(50) { [unowned loop] in loop.stop() }
    try loop.runUntilStopped()
    #expect(received.withLock { $0 } == [0, 1, 2])
  }

  /// The loop was woken for the items, and slept again, before there was somebody to take them.
  @Test func itemsThatCameLongBeforeTheReceiverArriveToo() throws {
    let loop = try Loop()
    let mailbox = Mailbox<Int>(on: loop)
    var received: [Int] = []
    for number in 0..<3 { mailbox.post(number) }
    loop.after(50) { mailbox.receive { received.append($0) } }
    loop.after(500) { [unowned loop] in loop.stop() }
    try loop.runUntilStopped()
    #expect(received == [0, 1, 2])
  }
}
