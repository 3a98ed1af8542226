import Glibc
import Reactor
@testable import Server
import TestSupport
import Testing

@Suite struct OutboxTests {
  @Test func smallFramesLeaveByOneSend() throws {
    var bench = try OutboxBench()
    for count in 1...40 { bench.append(count) }
    let waiting = bench.outbox.count
    let result = bench.send()
    let isEmpty = bench.outbox.isEmpty
    #expect(waiting == 820)
    #expect(result == .moved(820))
    #expect(isEmpty)
    bench.receive(1 << 16)
    let isComplete = bench.isComplete
    #expect(isComplete)
  }

  @Test func whatIsNoFrameLeavesTheSameWay() throws {
    var bench = try OutboxBench()
    bench.appendBytes(150)
    bench.append(30)
    bench.appendBytes(5000)
    bench.append(30)
    bench.drain()
    let isComplete = bench.isComplete
    #expect(isComplete)
  }

  /// Around the size from which frames are held by reference, each kind behind and before the other.
  @Test(arguments: [2046, 2047, 2048, 2049, 511, 512, 513, 65_535, 65_536, 65_537])
  func orderIsKeptAroundEveryLimit(_ count: Int) throws {
    var bench = try OutboxBench()
    for size in [10, count, 10, count, count, 10, 10, 1] { bench.append(size) }
    let waiting = bench.outbox.count
    #expect(waiting == 3 * count + 41)
    bench.drain()
    let isComplete = bench.isComplete
    #expect(isComplete)
  }

  @Test func moreSmallFramesThanABufferHolds() throws {
    var bench = try OutboxBench()
    for _ in 0..<150 { bench.append(1000) }
    bench.drain()
    let isComplete = bench.isComplete
    #expect(isComplete)
  }

  @Test func moreLargeFramesThanLeaveByOneCall() throws {
    var bench = try OutboxBench()
    bench.append(100)
    for _ in 0..<200 { bench.append(2048) }
    bench.drain()
    let isComplete = bench.isComplete
    #expect(isComplete)
  }

  @Test func aSlowReaderGetsEverythingInOrder() throws {
    var bench = try OutboxBench()
    bench.append(100_000)
    var calls = 0
    while !bench.outbox.isEmpty, calls < 10_000 {
      let before = bench.outbox.count
      let result = bench.send()
      let after = bench.outbox.count
      switch result {
      case .moved(let sent): #expect(before - after == sent)
      case .wouldBlock: #expect(before == after)
      case .ended, .failed: Issue.record("\(result)")
      }
      bench.receive(777)
      calls += 1
    }
    bench.drain()
    let isComplete = bench.isComplete
    #expect(isComplete)
    #expect(calls > 10, "or the socket was not small")
  }

  @Test func anEmptyOutboxHasNothingToSend() throws {
    var bench = try OutboxBench()
    let result = bench.send()
    #expect(result == .wouldBlock)
    let arrived = bench.pipe.receive(10)
    #expect(arrived.isEmpty)
  }

  @Test(arguments: [10, 5000])
  func aPeerThatHasGoneIsAFailure(_ count: Int) throws {
    var bench = try OutboxBench()
    bench.append(count)
    bench.pipe.closeReceiver()
    let result = bench.send()
    #expect(result == .failed(errno: EPIPE))
    let waiting = bench.outbox.count
    #expect(waiting == count, "nothing was sent")
    bench.removeAll()
  }

  // MARK: Memory

  @Test func theBufferGoesBackWhenEverythingIsSent() throws {
    var bench = try OutboxBench()
    let buffer = bench.pool.take(size: 512)
    bench.pool.give(buffer, size: 512)
    bench.append(10)
    let other = bench.pool.take(size: 512)
    #expect(other != buffer, "the outbox has it")
    _ = bench.send()
    let again = bench.pool.take(size: 512)
    #expect(again == buffer, "and has given it back")
    for pointer in [other, again] { bench.pool.give(pointer, size: 512) }
  }

  @Test func aBufferThatGrowsGivesTheSmallerOneBack() throws {
    var bench = try OutboxBench()
    let small = bench.pool.take(size: 512)
    bench.pool.give(small, size: 512)
    bench.append(500)
    bench.append(500)
    let again = bench.pool.take(size: 512)
    #expect(again == small)
    bench.pool.give(again, size: 512)
    bench.drain()
    let isComplete = bench.isComplete
    #expect(isComplete)
  }

  @Test func theBufferGoesBackWhileLargeFramesStillWait() throws {
    var bench = try OutboxBench()
    let buffer = bench.pool.take(size: 512)
    bench.pool.give(buffer, size: 512)
    bench.append(10)
    bench.append(100_000)
    _ = bench.send()
    let again = bench.pool.take(size: 512)
    #expect(again == buffer)
    bench.pool.give(again, size: 512)
    bench.drain()
    let isComplete = bench.isComplete
    #expect(isComplete)
  }

  @Test func removingAllForgetsAndGivesBack() throws {
    var bench = try OutboxBench()
    let buffer = bench.pool.take(size: 512)
    bench.pool.give(buffer, size: 512)
    bench.append(10)
    bench.append(3000)
    bench.append(10)
    bench.removeAll()
    let (count, isEmpty) = (bench.outbox.count, bench.outbox.isEmpty)
    #expect(count == 0)
    #expect(isEmpty)
    let again = bench.pool.take(size: 512)
    #expect(again == buffer)
    bench.pool.give(again, size: 512)
    bench.append(20)
    bench.drain()
    let isComplete = bench.isComplete
    #expect(isComplete, "nothing of what was forgotten")
  }

  @Test func removingAllInTheMiddleOfAFrameStartsAfresh() throws {
    var bench = try OutboxBench()
    bench.append(100_000)
    _ = bench.send()
    let waiting = bench.outbox.count
    #expect(waiting > 0 && waiting < 100_000)
    while true {
      let bytes = bench.pipe.receive(1 << 16)
      if bytes.isEmpty { break }
    }
    bench.removeAll()
    bench.append(5000)
    bench.drain()
    let isComplete = bench.isComplete
    #expect(isComplete)
  }

  // MARK: At random

  @Test(arguments: UInt64(0)..<40)
  func theStreamIsWhatWasPutIn(_ seed: UInt64) throws {
    var generator = SplitMix64(seed: seed &+ 1_000_000)
    var bench = try OutboxBench()
    var sent = 0
    for step in 0..<400 {
      switch Int.random(in: 0..<10, using: &generator) {
      case 0..<4: bench.append(Self.size(&generator))
      case 4: bench.appendBytes(Self.size(&generator))
      case 5..<8: if case .moved(let count) = bench.send() { sent += count }
      default: bench.receive(Int.random(in: 1...20_000, using: &generator))
      }
      let (waiting, expected) = (bench.outbox.count, bench.appended.count - sent)
      #expect(waiting == expected, "seed \(seed), step \(step)")
    }
    bench.drain()
    let isComplete = bench.isComplete
    #expect(isComplete, "seed \(seed)")
  }

  /// Small ones most often, and every kind of border.
  private static func size(_ generator: inout SplitMix64) -> Int {
    switch Int.random(in: 0..<20, using: &generator) {
    case 0..<14: Int.random(in: 2...200, using: &generator)
    case 14..<16: Int.random(in: 2040...2056, using: &generator)
    case 16..<19: Int.random(in: 200...9000, using: &generator)
    default: Int.random(in: 9000...70_000, using: &generator)
    }
  }
}
