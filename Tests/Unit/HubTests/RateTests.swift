@testable import Hub
import Model
import Synchronization
import TestSupport
import Testing

@Suite struct RateTests {
  private let limit = RateLimit(rate: 10, burst: 20)

  @Test func aBurstIsAllowedAndThenTheRate() {
    var bucket = TokenBucket(limit, now: 0)
    for _ in 0..<20 { #expect(bucket.take(limit, now: 0) == .allowed) }
    #expect(bucket.take(limit, now: 0) == .limited(retryAfter: 100))
    #expect(bucket.take(limit, now: 40) == .limited(retryAfter: 60), "a part of a token has come")
    #expect(bucket.take(limit, now: 100) == .allowed)
    #expect(bucket.take(limit, now: 100) == .limited(retryAfter: 100))
    #expect(bucket.take(limit, now: 300) == .allowed)
    #expect(bucket.take(limit, now: 300) == .allowed)
    #expect(bucket.take(limit, now: 300) == .limited(retryAfter: 100))
  }

  @Test(arguments: [0.5, 1, 3, 7, 10, 99.9, 1000])
  func whoWaitsAsLongAsToldIsAllowed(_ rate: Double) {
    let limit = RateLimit(rate: rate, burst: 5)
    var generator = SplitMix64(seed: 11)
    var bucket = TokenBucket(limit, now: 0)
    var now: Int64 = 0
    for _ in 0..<2000 {
      now += Int64.random(in: 0...100, using: &generator)
      guard case .limited(let delay) = bucket.take(limit, now: now) else { continue }
      #expect(delay > 0)
      now += Int64(delay)
      #expect(bucket.take(limit, now: now) == .allowed, "at \(now)")
    }
  }

  @Test func aRestBringsNoMoreThanTheBurst() {
    var bucket = TokenBucket(limit, now: 0)
    for _ in 0..<20 { #expect(bucket.take(limit, now: 1_000_000_000) == .allowed) }
    #expect(bucket.take(limit, now: 1_000_000_000) != .allowed)
  }

  @Test func aRateOfZeroIsNoLimit() {
    let none = RateLimit(rate: 0, burst: 0)
    var bucket = TokenBucket(none, now: 0)
    for _ in 0..<10_000 { #expect(bucket.take(none, now: 0) == .allowed) }
  }

  @Test func tenSecondsAboveTheRateAreTooMany() {
    var bucket = TokenBucket(limit, now: 0)
    for _ in 0..<20 { _ = bucket.take(limit, now: 0) }
    var now: Int64 = 0
    // Twice the rate: every other command is refused, and the bucket never recovers.
    while now < 10_000 {
      #expect(bucket.take(limit, now: now) != .exhausted, "at \(now)")
      now += 50
    }
    #expect([bucket.take(limit, now: 10_000), bucket.take(limit, now: 10_050)].contains(.exhausted))
  }

  @Test func patienceBeginsWithTheFirstRefusal() {
    var bucket = TokenBucket(limit, now: 0)
    for _ in 0..<20 { _ = bucket.take(limit, now: 500) }
    #expect(bucket.take(limit, now: 500) == .limited(retryAfter: 100))
    let next = { (bucket: inout TokenBucket, now: Int64) in
      // Uses up what has come, so that the next command is above the rate.
      for _ in 0..<9 { _ = bucket.take(limit, now: now) }
      return bucket.take(limit, now: now)
    }
    for now in stride(from: Int64(1400), through: 10_400, by: 900) { #expect(next(&bucket, now) != .exhausted) }
    for _ in 0..<3 { #expect(bucket.take(limit, now: 10_499) != .exhausted) }
    _ = bucket.take(limit, now: 10_500)
    #expect(bucket.take(limit, now: 10_500) == .exhausted)
  }

  @Test func recoveringByHalfTheBurstEndsTheSpell() {
    var bucket = TokenBucket(limit, now: 0)
    for _ in 0..<21 { _ = bucket.take(limit, now: 0) }
    for _ in 0..<10 { #expect(bucket.take(limit, now: 1000) == .allowed, "half the burst has come") }
    #expect(bucket.take(limit, now: 1000) == .limited(retryAfter: 100))
    for now in stride(from: Int64(1900), through: 10_900, by: 900) {
      for _ in 0..<10 { #expect(bucket.take(limit, now: now) != .exhausted, "at \(now)") }
    }
    _ = bucket.take(limit, now: 11_000)
    #expect(bucket.take(limit, now: 11_000) == .exhausted, "ten seconds after the second spell began")
  }

  @Test func recoveringByLessDoesNot() {
    var bucket = TokenBucket(limit, now: 0)
    for _ in 0..<21 { _ = bucket.take(limit, now: 0) }
    for now in stride(from: Int64(900), to: 10_000, by: 900) {
      for _ in 0..<10 { #expect(bucket.take(limit, now: now) != .exhausted, "at \(now)") }
    }
    _ = bucket.take(limit, now: 10_000)
    #expect(bucket.take(limit, now: 10_000) == .exhausted)
  }

  // MARK: Through the hub

  /// A decision as a line of text.
  private func line(_ decision: Hub.RateDecision) -> String {
    switch decision {
    case .allowed: "allowed"
    case .deferred(let delay, let isUser): "deferred\(isUser ? " as a user" : "") for \(delay)"
    case .refused(let refusal, let isUser):
      "\(refusal.code.rawValue)\(isUser ? " as a user" : "") retry after \(refusal.retryAfter ?? -1)"
    case .exhausted: "exhausted"
    }
  }

  @Test func theHubSaysWhenToComeBack() {
    var desk = Desk(rate: RateLimit(rate: 2, burst: 1))
    desk.open(0, 1)
    #expect(line(desk.hub.admitCommand(Desk.id(0), now: 0)) == "allowed")
    #expect(line(desk.hub.admitCommand(Desk.id(0), now: 100)) == "rate_limited retry after 400")
    #expect(line(desk.hub.admitCommand(Desk.id(1), now: 100)) == "allowed", "each connection has its own")
    #expect(desk.lines() == [], "how the client is told is the shell's affair")
  }

  @Test func theHubSaysWhenItIsEnough() {
    var desk = Desk(rate: RateLimit(rate: 10, burst: 20))
    desk.open(0)
    let verdicts = stride(from: Int64(0), through: 15_000, by: 10).map { now in
      line(desk.hub.admitCommand(Desk.id(0), now: now))
    }
    #expect(verdicts.contains("exhausted"))
    #expect(verdicts.prefix(1000).allSatisfy { $0 != "exhausted" }, "not in the first ten seconds")
  }

  @Test func theConnectionsOfAUserHaveOneRateTogether() {
    let alice = Alice()
    var desk = Desk(rate: RateLimit(rate: 2, burst: 3), users: alice)
    desk.open(0, user: "alice")
    desk.open(1, user: "alice")
    #expect(line(desk.hub.admitCommand(Desk.id(0), now: 0)) == "allowed")
    #expect(line(desk.hub.admitCommand(Desk.id(1), now: 0)) == "allowed")
    #expect(line(desk.hub.admitCommand(Desk.id(0), now: 0)) == "allowed")
    #expect(line(desk.hub.admitCommand(Desk.id(1), now: 0)) == "rate_limited as a user retry after 500")
    #expect(line(desk.hub.admitCommand(Desk.id(1), now: 500)) == "allowed")
    #expect(alice.connections.load(ordering: .relaxed) == 2)
    _ = desk.close(0)
    _ = desk.close(1)
    #expect(alice.connections.load(ordering: .relaxed) == 0)
  }

  // MARK: Waiting

  @Test func whatMayWaitTakesNothingAndIsNotAboveTheRate() {
    var desk = Desk(rate: RateLimit(rate: 10, burst: 20))
    desk.open(0)
    for _ in 0..<20 { #expect(line(desk.hub.admitCommand(Desk.id(0), now: 0) { _ in true }) == "allowed") }
    // For much longer than anybody may stay above the rate.
    for now in stride(from: Int64(0), to: 40_000, by: 100) {
      #expect(line(desk.hub.admitCommand(Desk.id(0), now: now) { _ in true }) == "deferred for 100", "at \(now)")
      #expect(line(desk.hub.admitCommand(Desk.id(0), now: now + 40) { _ in true }) == "deferred for 60")
      #expect(line(desk.hub.admitCommand(Desk.id(0), now: now + 100) { _ in true }) == "allowed")
    }
    #expect(line(desk.hub.admitCommand(Desk.id(0), now: 40_000)) == "rate_limited retry after 100")
  }

  @Test func itIsAskedOnlyWhereThereIsNoToken() {
    var desk = Desk(rate: RateLimit(rate: 10, burst: 1))
    desk.open(0)
    var asked = 0
    let mayWait = { (_: Int64) -> Bool in
      asked += 1
      return false
    }
    #expect(line(desk.hub.admitCommand(Desk.id(0), now: 0, mayWait: mayWait)) == "allowed")
    #expect(asked == 0)
    #expect(line(desk.hub.admitCommand(Desk.id(0), now: 0, mayWait: mayWait)) == "rate_limited retry after 100")
    #expect(asked == 1)
  }

  /// Both buckets give a token or neither does.
  @Test func whoWaitsForTheUserKeepsTheConnectionsToken() {
    var desk = Desk(rate: RateLimit(rate: 2, burst: 3), users: Alice())
    desk.open(0, user: "alice")
    desk.open(1, user: "alice")
    for slot in [0, 1, 0] as [UInt32] { #expect(line(desk.hub.admitCommand(Desk.id(slot), now: 0)) == "allowed") }
    for _ in 0..<5 {
      #expect(line(desk.hub.admitCommand(Desk.id(1), now: 0) { _ in true }) == "deferred as a user for 500")
    }
    for now in [500, 1000] as [Int64] { #expect(line(desk.hub.admitCommand(Desk.id(1), now: now)) == "allowed") }
    #expect(line(desk.hub.admitCommand(Desk.id(1), now: 1000)) == "rate_limited as a user retry after 500")
  }

  /// The other connections of a user who comes back are short of tokens for as long as that takes, and not closed for it.
  @Test func nobodyIsClosedWhileTheUserComesBack() {
    var desk = Desk(rate: RateLimit(rate: 2, burst: 3), users: Alice())
    desk.open(0, user: "alice")
    desk.open(1, user: "alice")
    desk.open(2, user: "alice")
    for _ in 0..<3 { _ = desk.hub.admitCommand(Desk.id(2), now: 0) }
    for now in stride(from: Int64(0), to: 25_000, by: 500) {
      #expect(
        line(desk.hub.admitCommand(Desk.id(0), now: now) { _ in true }).hasPrefix("deferred as a user"), "at \(now)")
      #expect(line(desk.hub.admitCommand(Desk.id(1), now: now)) == "rate_limited as a user retry after 500")
      #expect(line(desk.hub.admitCommand(Desk.id(0), now: now + 500) { _ in true }) == "allowed")
    }
  }

  /// The rates of a node with one user.
  private final class Alice: UserRates {
    let connections = Atomic(0)
    private let bucket = SharedTokenBucket()

    func acquire(_ user: UserName, now: Int64) -> SharedTokenBucket {
      connections.wrappingAdd(1, ordering: .relaxed)
      return bucket
    }

    func release(_ user: UserName, now: Int64) {
      connections.wrappingSubtract(1, ordering: .relaxed)
    }
  }

  @Test func aConnectionThatHasGoneIsNotJudged() {
    var desk = Desk(rate: RateLimit(rate: 1, burst: 1))
    desk.open(0)
    _ = desk.close(0)
    for _ in 0..<5 { #expect(line(desk.hub.admitCommand(Desk.id(0), now: 0)) == "allowed") }
  }
}
