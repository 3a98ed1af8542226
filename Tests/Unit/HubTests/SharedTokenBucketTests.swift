@testable import Hub
import Model
import TestSupport
import Testing

@Suite struct SharedTokenBucketTests {
  private let limit = RateLimit(rate: 10, burst: 20)

  @Test func aBurstIsAllowedAndThenTheRate() {
    let bucket = SharedTokenBucket()
    for _ in 0..<20 { #expect(bucket.take(limit, now: 5000) == .allowed) }
    #expect(bucket.take(limit, now: 5000) == .limited(retryAfter: 100))
    #expect(bucket.take(limit, now: 5040) == .limited(retryAfter: 60), "a part of a token has come")
    #expect(bucket.take(limit, now: 5100) == .allowed)
    #expect(bucket.take(limit, now: 5100) == .limited(retryAfter: 100))
  }

  @Test func aRestBringsNoMoreThanTheBurst() {
    let bucket = SharedTokenBucket()
    for _ in 0..<20 { #expect(bucket.take(limit, now: 1_000_000_000) == .allowed) }
    #expect(bucket.take(limit, now: 1_000_000_000) != .allowed)
  }

  @Test func tenSecondsAboveTheRateAreTooMany() {
    let bucket = SharedTokenBucket()
    var now: Int64 = 0
    for _ in 0..<20 { _ = bucket.take(limit, now: now) }
    while now < 10_000 {
      #expect(bucket.take(limit, now: now) != .exhausted, "at \(now)")
      now += 50
    }
    #expect([bucket.take(limit, now: 10_000), bucket.take(limit, now: 10_050)].contains(.exhausted))
  }

  @Test func aRestEndsTheSpell() {
    let bucket = SharedTokenBucket()
    for _ in 0..<25 { _ = bucket.take(limit, now: 0) }
    #expect(bucket.take(limit, now: 9000) == .allowed)
    for _ in 0..<25 { #expect(bucket.take(limit, now: 11_000) != .exhausted) }
  }

  @Test(arguments: [1e-300, 1e-16, 1e-5, 0.5, 1e9])
  func noRateIsTooSlowOrTooFast(_ rate: Double) {
    for burst in [1, 100, 1e9] {
      let limit = RateLimit(rate: rate, burst: burst)
      let shared = SharedTokenBucket()
      var own = TokenBucket(limit, now: 0)
      for now in [Int64(0), 1, 1_000_000, 1 << 40] {
        _ = shared.take(limit, now: now)
        _ = own.take(limit, now: now)
        if case .limited(let delay) = shared.take(limit, now: now) { #expect((1...86_400_000).contains(delay)) }
        if case .limited(let delay) = own.take(limit, now: now) { #expect((1...86_400_000).contains(delay)) }
      }
    }
  }

  /// Both buckets say the same, whenever they are asked; but for what the other one's numbers are rounded to.
  @Test(arguments: UInt64(0)..<8)
  func agreesWithTheBucketOfAConnection(_ seed: UInt64) {
    var generator = SplitMix64(seed: seed)
    let limit = RateLimit(rate: Double(Int.random(in: 1...8, using: &generator)) * 125, burst: 40)
    let shared = SharedTokenBucket()
    var own = TokenBucket(limit, now: 0)
    var (now, allowed, allowedByOwn): (Int64, Int, Int) = (0, 0, 0)
    for _ in 0..<5000 {
      now += Int64.random(in: 0...6, using: &generator)
      if case .allowed = shared.take(limit, now: now) { allowed += 1 }
      if case .allowed = own.take(limit, now: now) { allowedByOwn += 1 }
      #expect(abs(allowed - allowedByOwn) <= 1, "at \(now)")
    }
  }
}
