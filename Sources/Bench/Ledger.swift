import Histogram

/// What was published, what of it arrived, and how late, without I/O.
struct Ledger {
  /// Latencies above this many nanoseconds, ten minutes, count as this many.
  private static let longest: UInt64 = 600_000_000_000

  private let plan: BenchPlan
  let assignment: Assignment
  /// By listener, and in it by the publishers of its channel: the number of the newest message, plus one.
  private var newest: [Int]
  private var latencies = Histogram<UInt64>(
    highestTrackableValue: Ledger.longest, numberOfSignificantValueDigits: .three)
  /// Latencies count of messages that were meant to leave from this moment on, in nanoseconds.
  private(set) var measuredFrom = UInt64.max

  private(set) var published = 0
  /// Deliveries that all publishes together ask for.
  private var asked = 0
  /// Those of them that refused publishes have asked for, at most.
  private var refused = 0
  private(set) var delivered = 0
  /// Deliveries that came twice or after a later one of the same publisher.
  private(set) var disordered = 0
  /// Of those, in the measured time.
  private var publishedBefore = 0
  private var deliveredBefore = 0

  init(_ plan: BenchPlan) {
    self.plan = plan
    assignment = Assignment(publishers: max(1, plan.publishers), channels: plan.channels)
    newest = Array(repeating: 0, count: plan.connections * assignment.publishersPerChannel)
  }

  /// Begins to measure.
  mutating func measure(from moment: UInt64) {
    measuredFrom = moment
    publishedBefore = published
    deliveredBefore = delivered
  }

  var measuredPublishes: Int { published - publishedBefore }
  var measuredDeliveries: Int { delivered - deliveredBefore }

  /// The next message; the caller publishes it in the channel that is returned.
  mutating func publish(intended: UInt64) -> (message: BenchMessage, channel: Int) {
    let message = BenchMessage(intended: intended, number: published)
    let channel = assignment.channel(of: published)
    published += 1
    asked += plan.listeners(of: channel)
    return (message, channel)
  }

  /// A node has refused one of the publisher's messages, without saying which.
  ///
  /// Its channels differ by one listener at most, and the first of them has the most.
  mutating func refuse(publisher: Int) {
    refused += plan.listeners(of: publisher % plan.channels)
  }

  /// Deliveries that are to come, or else are lost.
  var missing: Int { max(0, asked - delivered - refused) }
  /// Deliveries that all publishes ask for which were not refused.
  var expected: Int { delivered + missing }

  mutating func deliver(_ message: BenchMessage, to listener: Int, at now: UInt64) {
    guard message.number < published else { return }
    let place = listener * assignment.publishersPerChannel + assignment.place(of: message.number)
    guard message.number >= newest[place] else {
      disordered += 1
      return
    }
    newest[place] = message.number + 1
    delivered += 1
    if message.intended >= measuredFrom { latencies.record(min(now - min(now, message.intended), Self.longest)) }
  }

  /// Microseconds that so many percent of the deliveries took at most.
  func latency(percentile: Double) -> Double {
    Double(latencies.valueAtPercentile(percentile)) / 1000
  }

  /// Microseconds of the slowest delivery.
  var maxLatency: Double { Double(latencies.max) / 1000 }
  var meanLatency: Double { latencies.mean / 1000 }
  var hasLatencies: Bool { latencies.totalCount > 0 }
}
