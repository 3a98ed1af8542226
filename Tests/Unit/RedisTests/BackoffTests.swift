import Redis
import Testing

/// A generator whose numbers are the same in every run.
struct SplitMix: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}

struct BackoffTests {
  private static let ceilings = [100, 200, 400, 800, 1000, 1000, 1000]

  @Test func growsToItsLimitAndUsesTheWholeRange() {
    var random = SplitMix(state: 1)
    var least = Self.ceilings.map { _ in Int.max }
    var most = Self.ceilings.map { _ in 0 }
    for _ in 0..<2000 {
      var backoff = Backoff()
      for (index, ceiling) in Self.ceilings.enumerated() {
        let wait = backoff.next(using: &random)
        #expect(wait >= 50 && wait <= ceiling)
        least[index] = min(least[index], wait)
        most[index] = max(most[index], wait)
      }
    }
    for (index, ceiling) in Self.ceilings.enumerated() {
      #expect(least[index] < 55)
      #expect(most[index] > ceiling - ceiling / 20)
    }
  }

  @Test func beginsAnew() {
    var random = SplitMix(state: 2)
    var backoff = Backoff()
    for _ in 0..<1000 {
      for _ in 0..<5 { _ = backoff.next(using: &random) }
      backoff.reset()
      #expect(backoff.next(using: &random) <= 100)
    }
  }
}
