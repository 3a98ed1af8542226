@testable import Broker
import Testing

/// Redis is told of the doubt until each loop has reported its last connection.
@Suite struct ReentryTests {
  /// The moments at which Redis is told, of those asked about.
  private func told(_ reentry: inout Reentry, at moments: [Int64]) -> [Int64] {
    moments.filter { reentry.takeDue(now: $0) }
  }

  @Test func isToldAtOnceAndThenInTurns() {
    var reentry = Reentry()
    #expect(told(&reentry, at: [0]) == [])
    reentry.begin(loops: 2)
    let next = 10 + Reentry.interval
    #expect(told(&reentry, at: [10, 11, next - 1, next, next + 1]) == [10, next])
    reentry.begin(loops: 2)
    #expect(told(&reentry, at: [next + 2]) == [], "it was told already, and goes on")
  }

  @Test func endsWithTheLastLoop() {
    var reentry = Reentry()
    reentry.begin(loops: 2)
    reentry.finished(1)
    #expect(told(&reentry, at: [0]) == [0])
    reentry.finished(0)
    #expect(told(&reentry, at: [10_000]) == [])
    reentry.begin(loops: 2)
    #expect(told(&reentry, at: [10_001]) == [10_001], "anew")
  }
}
