import Server
import Testing

@testable import Node

/// How busy a node was, by what its loops had done at two moments.
@Suite struct TrafficTests {
  private static let start = ContinuousClock.now

  private func traffic() -> Traffic { Traffic { [] } }

  private func loop(_ published: Int = 0, _ delivered: Int = 0, busy: Int64 = 0) -> LoopTotals {
    LoopTotals(
      connections: 1, users: 1, subscriptions: 1, published: published, delivered: delivered, busyMicroseconds: busy)
  }

  private func at(_ milliseconds: Int) -> ContinuousClock.Instant { Self.start + .milliseconds(milliseconds) }

  @Test func aNodeThatHasJustBegunHasNoRates() async {
    let traffic = traffic()
    #expect(await traffic.rates(to: [loop(100, 100, busy: 1000)], at: at(0)) == Traffic.Rates())
    await traffic.add([loop()], at: at(0))
    #expect(await traffic.rates(to: [loop(100, 100, busy: 1000)], at: at(0)) == Traffic.Rates())
    #expect(await traffic.rates(to: [loop(100, 100, busy: 1000)], at: at(99)) == Traffic.Rates())
    #expect(await traffic.rates(to: [loop(100, 100, busy: 1000)], at: at(-5000)) == Traffic.Rates())
    #expect(await traffic.rates(to: [loop(100, 200, busy: 0)], at: at(100)).published == 1000)
  }

  @Test func ratesAreOfAllLoopsAndTheBusiestIsOne() async {
    let traffic = traffic()
    await traffic.add([loop(10, 100, busy: 0), loop(20, 0, busy: 1_000_000)], at: at(0))
    let rates = await traffic.rates(
      to: [loop(20, 500, busy: 500_000), loop(50, 600, busy: 2_500_000)], at: at(2000))
    #expect(rates == Traffic.Rates(published: 20, delivered: 500, busiestLoop: 0.75))
  }

  @Test func aLoopIsBusyAllTheTimeAtMost() async {
    let traffic = traffic()
    await traffic.add([loop()], at: at(0))
    #expect(await traffic.rates(to: [loop(busy: 5_000_000)], at: at(1000)).busiestLoop == 1)
    #expect(await traffic.rates(to: [loop(busy: 0)], at: at(1000)).busiestLoop == 0)
  }

  @Test func theLastTenSecondsCount() async {
    let traffic = traffic()
    // A thousand in each of the first ten seconds, then nothing.
    for second in stride(from: 0, through: 30, by: 2) {
      await traffic.add([loop(min(second, 10) * 1000)], at: at(second * 1000))
    }
    #expect(await traffic.rates(to: [loop(10_000)], at: at(30_000)).published == 0)
    let other = self.traffic()
    for second in stride(from: 0, through: 14, by: 2) {
      await other.add([loop(min(second, 10) * 1000)], at: at(second * 1000))
    }
    // From the fourth second on.
    #expect(await other.rates(to: [loop(10_000)], at: at(14_000)).published == 600)
  }

  @Test func whatIsTooLongAgoSaysNothing() async {
    let traffic = traffic()
    await traffic.add([loop()], at: at(0))
    #expect(await traffic.rates(to: [loop(12_000)], at: at(12_000)).published == 1000)
    #expect(await traffic.rates(to: [loop(12_001)], at: at(12_001)) == Traffic.Rates())
    await traffic.add([loop(20_000)], at: at(20_000))
    #expect(await traffic.rates(to: [loop(20_500)], at: at(20_500)).published == 1000)
  }

  @Test func otherLoopsAreNotComparedWithThem() async {
    let traffic = traffic()
    await traffic.add([], at: at(0))
    #expect(await traffic.rates(to: [loop(1000)], at: at(1000)) == Traffic.Rates())
    await traffic.add([loop(1000)], at: at(1000))
    #expect(await traffic.rates(to: [], at: at(2000)) == Traffic.Rates())
  }

  @Test func itLooksUntilItIsCancelled() async throws {
    let traffic = Traffic {
      [LoopTotals(connections: 0, users: 0, subscriptions: 0, published: 7, delivered: 0, busyMicroseconds: 0)]
    }
    let task = Task { await traffic.keepLooking() }
    // It has looked when a rate can be told.
    var rates = Traffic.Rates()
    for _ in 0..<3000 where rates.published == 0 {
      try await Task.sleep(for: .milliseconds(20))
      rates = await traffic.rates(to: [loop(1_000_000_000)], at: .now)
    }
    #expect(rates.published > 0)
    task.cancel()
    await task.value
  }
}
