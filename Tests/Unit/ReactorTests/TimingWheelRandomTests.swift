import Reactor
import TestSupport
import Testing

/// Random schedules, cancellations and jumps of time against a plain dictionary.
@Suite struct TimingWheelRandomTests {
  private struct Reference {
    /// Deadlines of what is scheduled, by payload.
    var deadlines: [Int: Int64] = [:]
    var next: Int64? { deadlines.values.min() }

    /// What has run out by `now`, sorted by deadline, and taken out.
    mutating func expire(_ now: Int64) -> [(payload: Int, deadline: Int64)] {
      let due = deadlines.filter { $0.value <= now }
      for payload in due.keys { deadlines[payload] = nil }
      return due.map { ($0.key, $0.value) }.sorted { ($0.deadline, $0.payload) < ($1.deadline, $1.payload) }
    }
  }

  private static let spans: [Int64] = [2, 70, 130, 5000, 300_000, (1 << 24) + (1 << 20), 1 << 27]

  @Test(arguments: UInt64(0)..<32)
  func agreesWithTheReference(_ seed: UInt64) throws {
    var generator = SplitMix64(seed: seed)
    var now = Int64.random(in: 0...1 << 41, using: &generator)
    var wheel = TimingWheel<Int>(now: now)
    var reference = Reference()
    var timers: [TimerID] = []
    var seen = 0
    for step in 0..<4000 {
      switch Int.random(in: 0..<10, using: &generator) {
      case 0..<5:
        let deadline = now + Int64.random(in: -3...span(&generator), using: &generator)
        reference.deadlines[timers.count] = max(deadline, now + 1)
        timers.append(wheel.schedule(at: deadline, timers.count))
      case 5..<7:
        // Any timer there ever was: most have run out or were cancelled before.
        guard let victim = timers.indices.randomElement(using: &generator) else { continue }
        wheel.cancel(timers[victim])
        reference.deadlines[victim] = nil
      case 7:
        // As a loop does: sleep until the wheel wants to be looked at.
        now += wheel.delay(from: now) ?? 0
        seen += try advance(&wheel, &reference, now, "seed \(seed), step \(step)")
      default:
        now += Int64.random(in: 0...span(&generator), using: &generator)
        seen += try advance(&wheel, &reference, now, "seed \(seed), step \(step)")
      }
      let delay = wheel.delay(from: now)
      try #require((delay == nil) == (reference.next == nil), "seed \(seed), step \(step)")
      if let delay, let next = reference.next {
        try #require(delay >= 0 && now + delay <= next, "late: seed \(seed), step \(step)")
      }
      try #require(wheel.count == reference.deadlines.count, "seed \(seed), step \(step)")
    }
    #expect(seen > 100, "seed \(seed)")
  }

  /// Small spans most often, so that timers of all levels meet.
  private func span(_ generator: inout SplitMix64) -> Int64 {
    let limit = Int.random(in: 1...Self.spans.count, using: &generator)
    return Self.spans[Int.random(in: 0..<limit, using: &generator)]
  }

  private func advance(
    _ wheel: inout TimingWheel<Int>, _ reference: inout Reference, _ now: Int64, _ context: String
  ) throws -> Int {
    let deadlines = reference.deadlines
    let expected = reference.expire(now)
    var found: [(payload: Int, deadline: Int64)] = []
    while let payload = wheel.popExpired(now: now) {
      found.append((payload, try #require(deadlines[payload], "nobody wants \(payload): \(context)")))
    }
    try #require(found.map(\.deadline) == expected.map(\.deadline), "\(context)")
    try #require(Set(found.map(\.payload)) == Set(expected.map(\.payload)), "\(context)")
    return found.count
  }
}
