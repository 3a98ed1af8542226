import Model
import Reactor
import Server
import TestSupport
import Testing

/// Random comings and goings against a model that forgets nothing; a failure names its seed and step.
@Suite struct AddressLimitsRandomTests {
  /// Tokens in millionths, refilled millisecond by millisecond.
  private struct Reference {
    struct Household {
      var connections = 0
      var tokens: Int
      var refilled: Int64 = 0
    }

    let maxConnections: Int
    /// Millionths of a token each second; a multiple of 1000.
    let rate: Int
    var households: [Int: Household] = [:]
    var now: Int64 = 0

    var burst: Int { max(1, (rate + 999_999) / 1_000_000) * 1_000_000 }

    private func household(_ number: Int) -> Household {
      var household = households[number] ?? Household(tokens: burst)
      household.tokens = min(burst, household.tokens + Int(now - household.refilled) * rate / 1000)
      household.refilled = now
      return household
    }

    mutating func enter(_ number: Int, now moment: Int64) -> AddressLimits.Decision {
      now = max(now, moment)
      var household = household(number)
      defer { households[number] = household }
      if maxConnections > 0, household.connections == maxConnections { return .tooMany }
      if rate > 0 {
        let missing = 1_000_000 - household.tokens
        if missing > 0 { return .tooFast(retryAfter: (missing + rate - 1) / rate) }
        household.tokens -= 1_000_000
      }
      household.connections += 1
      return .admitted
    }

    mutating func leave(_ number: Int) {
      households[number]?.connections -= 1
    }

    /// Those that may not be forgotten.
    var remembered: Int {
      households.keys.count { household($0).connections > 0 || rate > 0 && household($0).tokens < burst }
    }
  }

  /// One of the addresses that count as household `number`: every third has IPv6.
  private func address(_ number: Int, _ generator: inout SplitMix64) throws -> IPAddress {
    let (high, low) = (number >> 8, number & 255)
    if number % 3 > 0 {
      return try #require(IPAddress("\(Bool.random(using: &generator) ? "::ffff:" : "")10.0.\(high).\(low)"))
    }
    let host = (0..<4).map { _ in String(UInt16.random(in: 0...UInt16.max, using: &generator), radix: 16) }
    return try #require(IPAddress("2001:db8:\(high):\(String(low, radix: 16)):" + host.joined(separator: ":")))
  }

  /// Rates in thousandths that a nanosecond divides evenly, so that both agree on every millisecond.
  @Test(
    arguments: [(0, 500), (3, 0), (3, 2500), (2, 1000), (40, 5000), (0, 100), (2, 4000), (1, 250)], UInt64(0)..<4)
  func agreesWithTheReference(_ limit: (maxConnections: Int, rate: Int), _ seed: UInt64) throws {
    var generator = SplitMix64(seed: seed)
    var reference = Reference(maxConnections: limit.maxConnections, rate: limit.rate * 1000)
    let limits = AddressLimits(maxConnections: limit.maxConnections, connectRate: Double(limit.rate) / 1000)
    // A few that are often refused, among so many others that the table is swept.
    let (few, many) = (10, 6000)
    var now = Int64.random(in: 0...1 << 40, using: &generator)
    var connected: [Int] = []
    var verdicts: [String: Int] = [:]
    for step in 0..<15_000 {
      let context: Comment = "seed \(seed), step \(step)"
      let isLeaving = Int.random(in: 0..<10, using: &generator) < 4
      if isLeaving, let index = connected.indices.randomElement(using: &generator) {
        connected.swapAt(index, connected.count - 1)
        let number = connected.removeLast()
        limits.leave(try address(number, &generator))
        reference.leave(number)
      } else {
        now += Int64.random(in: 0...40, using: &generator)
        let told = now - Int64.random(in: 0...3, using: &generator)
        let number = Int.random(in: 0..<(Bool.random(using: &generator) ? few : many), using: &generator)
        let decision = limits.enter(try address(number, &generator), now: told)
        try #require(decision == reference.enter(number, now: told), context)
        if decision == .admitted { connected.append(number) }
        verdicts["\(decision)", default: 0] += 1
      }
      if step % 500 == 0 { try #require(limits.addresses >= reference.remembered, context) }
    }
    #expect(verdicts.count > 1 && verdicts.values.max() ?? 0 > 1000, "seed \(seed): \(verdicts)")
    for number in connected {
      limits.leave(try address(number, &generator))
      reference.leave(number)
    }
    if limit.rate == 0 { #expect(limits.addresses == 0) }
    #expect(limits.addresses >= reference.remembered)
  }
}
