import TestSupport
import Testing

@testable import Server

@Suite struct CallQueueTests {
  private func queue(_ running: Int, _ waiting: Int, bytes: Int = .max) -> CallQueue<Int> {
    CallQueue(limits: CallQueue.Limits(running: running, waiting: waiting, waitingBytes: bytes))
  }

  @Test func soManyRunAndTheOthersWaitInOrder() {
    var queue = queue(2, 3)
    #expect(
      (1...6).map { queue.enter($0, bytes: 1, deadline: 1000) } == [.runs, .runs, .waits, .waits, .waits, .refused])
    #expect(queue.ended(now: 0).next == 3)
    #expect(queue.enter(7, bytes: 1, deadline: 1000) == .waits, "one has left")
    #expect((0..<3).map { _ in queue.ended(now: 0).next } == [4, 5, 7])
    #expect(queue.ended(now: 0).next == nil)
    #expect(queue.enter(8, bytes: 1, deadline: 1000) == .runs)
    #expect(queue.enter(9, bytes: 1, deadline: 1000) == .waits, "the other still runs")
  }

  @Test func whatHasWaitedTooLongIsToldSo() {
    var queue = queue(1, 9)
    _ = (1...4).map { queue.enter($0, bytes: 1, deadline: Int64($0) * 1000) }
    let turn = queue.ended(now: 2950)
    #expect(turn.late == [2, 3])
    #expect(turn.next == 4)
    _ = queue.enter(5, bytes: 1, deadline: 5000)
    let last = queue.ended(now: 4901)
    #expect(last.late == [5])
    #expect(last.next == nil)
    #expect(queue.enter(6, bytes: 1, deadline: 6000) == .runs, "nothing runs any more")
  }

  @Test func bytesThatWaitAreBounded() {
    var queue = queue(1, 9, bytes: 10)
    #expect(queue.enter(0, bytes: 100, deadline: 1000) == .runs, "what runs does not wait")
    #expect(queue.enter(1, bytes: 6, deadline: 1000) == .waits)
    #expect(queue.enter(2, bytes: 5, deadline: 1000) == .refused)
    #expect(queue.enter(3, bytes: 4, deadline: 1000) == .waits)
    #expect(queue.ended(now: 0).next == 1)
    #expect(queue.enter(4, bytes: 6, deadline: 1000) == .waits)
    #expect(queue.enter(5, bytes: 1, deadline: 1000) == .refused)
  }

  /// Against the plainest model: everything comes out once, in order, and never too many run.
  @Test(arguments: UInt64(0)..<8)
  func randomly(_ seed: UInt64) {
    var generator = SplitMix64(seed: seed)
    var queue = queue(4, 8, bytes: 40)
    var (running, now, taken, out) = (0, Int64(0), [Int](), [Int]())
    for number in 0..<5000 {
      now += Int64.random(in: 0...2, using: &generator)
      if Bool.random(using: &generator) {
        switch queue.enter(
          number, bytes: Int.random(in: 0...9, using: &generator), deadline: now + 10 + CallQueue<Int>.leastTime)
        {
        case .runs:
          running += 1
          #expect(taken.isEmpty, "nobody comes before those that wait")
          out.append(number)
        case .waits:
          #expect(running == 4)
          taken.append(number)
        case .refused: #expect(running == 4)
        }
      } else if running > 0 {
        let turn = queue.ended(now: now)
        let handed = turn.late + (turn.next.map { [$0] } ?? [])
        #expect(handed == Array(taken.prefix(handed.count)))
        taken.removeFirst(handed.count)
        out += handed
        if turn.next == nil {
          running -= 1
          #expect(taken.isEmpty)
        }
      }
      #expect(running <= 4)
    }
    #expect(out == out.sorted())
  }
}
