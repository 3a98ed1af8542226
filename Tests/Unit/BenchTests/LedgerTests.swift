import ApusClient
import Reactor
import TestSupport
import Testing

@testable import Bench

/// A plan that differs from the usual in what the tests say.
func plan(connections: Int = 4, channels: Int = 2, publishers: Int = 1) throws -> BenchPlan {
  BenchPlan(
    nodes: [try ClientURL("ws://127.0.0.1:1/ws")], connections: connections, channels: channels, publishers: publishers,
    payload: 64, load: .window(1), duration: 1000, warmup: 0)
}

@Suite struct LedgerTests {
  /// Delivers a message to all who listen to its channel, but for some.
  private func deliver(
    _ message: BenchMessage, _ channel: Int, _ ledger: inout Ledger, _ plan: BenchPlan, but: Int = -1
  ) {
    for listener in 0..<plan.connections where plan.channel(ofListener: listener) == channel && listener != but {
      ledger.deliver(message, to: listener, at: message.intended + 1000)
    }
  }

  @Test func everythingThatArrivesIsCounted() throws {
    let plan = try plan()
    var ledger = Ledger(plan)
    ledger.measure(from: 0)
    for moment in 0..<10 {
      let (message, channel) = ledger.publish(intended: UInt64(moment))
      deliver(message, channel, &ledger, plan)
    }
    #expect(ledger.expected == 20)
    #expect(ledger.delivered == 20)
    #expect(ledger.disordered == 0)
    #expect(ledger.latency(percentile: 50) == 1)
  }

  @Test func whatIsMissingIsSeen() throws {
    let plan = try plan()
    var ledger = Ledger(plan)
    let (message, channel) = ledger.publish(intended: 1)
    deliver(message, channel, &ledger, plan, but: channel)
    #expect(ledger.missing == 1)
    #expect(ledger.expected == 2)
  }

  @Test func whatWasRefusedIsNotMissing() throws {
    let plan = try plan(connections: 4, channels: 2, publishers: 1)
    var ledger = Ledger(plan)
    let (message, channel) = ledger.publish(intended: 1)
    _ = ledger.publish(intended: 2)
    _ = ledger.publish(intended: 3)
    ledger.refuse(publisher: 0)
    #expect(ledger.missing == 4)
    deliver(message, channel, &ledger, plan)
    ledger.refuse(publisher: 0)
    #expect(ledger.missing == 0)
    #expect(ledger.expected == 2)
    #expect(ledger.published == 3)
  }

  /// Which of its channels a refused message was for is not known; nothing is taken for lost that may have been refused.
  @Test func channelsWithOneListenerMore() throws {
    let plan = try plan(connections: 3, channels: 2, publishers: 1)
    var ledger = Ledger(plan)
    _ = ledger.publish(intended: 1)
    _ = ledger.publish(intended: 2)
    ledger.refuse(publisher: 0)
    ledger.refuse(publisher: 0)
    #expect(ledger.missing == 0)
    #expect(ledger.expected == 0)
  }

  @Test func aSecondCopyIsNoDelivery() throws {
    var ledger = Ledger(try plan())
    let (message, channel) = ledger.publish(intended: 1)
    ledger.deliver(message, to: channel, at: 2)
    ledger.deliver(message, to: channel, at: 3)
    #expect(ledger.delivered == 1)
    #expect(ledger.disordered == 1)
  }

  @Test func anEarlierOneAfterALaterOneIsDisorder() throws {
    var ledger = Ledger(try plan(connections: 2, channels: 1))
    let (first, _) = ledger.publish(intended: 1)
    let (second, _) = ledger.publish(intended: 1)
    ledger.deliver(second, to: 0, at: 2)
    ledger.deliver(first, to: 0, at: 3)
    #expect(ledger.disordered == 1)
  }

  @Test func publishersOfOneChannelHaveNoOrderBetweenThem() throws {
    var ledger = Ledger(try plan(connections: 1, channels: 1, publishers: 2))
    let (first, _) = ledger.publish(intended: 1)
    let (second, _) = ledger.publish(intended: 1)
    ledger.deliver(second, to: 0, at: 2)
    ledger.deliver(first, to: 0, at: 3)
    #expect(ledger.disordered == 0)
    #expect(ledger.delivered == 2)
  }

  @Test func latencyCountsFromTheMeasuredTimeOn() throws {
    var ledger = Ledger(try plan(connections: 1, channels: 1))
    let (before, _) = ledger.publish(intended: 5)
    ledger.measure(from: 10)
    let (after, _) = ledger.publish(intended: 10)
    ledger.deliver(before, to: 0, at: 1_000_000)
    ledger.deliver(after, to: 0, at: 2010)
    #expect(ledger.maxLatency < 3)
    #expect(ledger.measuredDeliveries == 2)
  }

  @Test func messagesOfAnotherRunAreNotOurs() throws {
    var ledger = Ledger(try plan())
    ledger.deliver(BenchMessage(intended: 1, number: 7), to: 0, at: 2)
    #expect(ledger.delivered == 0)
  }
}

@Suite struct AssignmentTests {
  @Test(arguments: [(1, 1), (1, 7), (3, 7), (7, 3), (10, 500), (4, 4)])
  func everyChannelIsServedByItsOwnPublishers(_ publishers: Int, _ channels: Int) {
    let assignment = Assignment(publishers: publishers, channels: channels)
    var served: [Int: Set<Int>] = [:]
    for number in 0..<publishers * channels * 2 {
      served[assignment.channel(of: number), default: []].insert(assignment.publisher(of: number))
    }
    #expect(served.count == channels)
    for (_, own) in served { #expect(own.count <= assignment.publishersPerChannel) }
    for channel in 0..<channels {
      let places = (0..<publishers).filter { served[channel]?.contains($0) == true }.map { assignment.place(of: $0) }
      #expect(Set(places).count == places.count, "two publishers of one channel are told apart")
    }
  }
}
