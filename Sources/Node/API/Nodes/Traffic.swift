import Server

/// How busy the node has been over the last ten seconds.
actor Traffic {
  struct Rates: Equatable, Sendable {
    /// Messages a second that clients have published, and that were delivered to them.
    var published = 0.0
    var delivered = 0.0
    /// The share of its time that the busiest loop has worked, 0 to 1.
    var busiestLoop = 0.0
  }

  private static let interval = Duration.seconds(2)
  private static let window = Duration.seconds(10)

  private let totals: @Sendable () async -> [LoopTotals]
  /// Oldest first; of those older than the window the newest alone.
  private var samples: [(at: ContinuousClock.Instant, loops: [LoopTotals])] = []

  init(_ totals: @escaping @Sendable () async -> [LoopTotals]) {
    self.totals = totals
  }

  /// Looks every two seconds, until cancelled.
  func keepLooking() async {
    while !Task.isCancelled {
      add(await totals(), at: .now)
      try? await Task.sleep(for: Self.interval)
    }
  }

  func add(_ loops: [LoopTotals], at instant: ContinuousClock.Instant) {
    samples.append((instant, loops))
    while samples.count > 1, instant - samples[1].at >= Self.window { samples.removeFirst() }
  }

  /// What has happened up to that moment, at which the loops stood so.
  func rates(to loops: [LoopTotals], at instant: ContinuousClock.Instant) -> Rates {
    guard let first = samples.first(where: { instant - $0.at <= Self.window + Self.interval }) else { return Rates() }
    let seconds = (instant - first.at) / .seconds(1)
    // Of a node that has just begun nothing can be said.
    guard seconds >= 0.1, first.loops.count == loops.count else { return Rates() }
    var rates = Rates()
    for (before, now) in zip(first.loops, loops) {
      rates.published += Double(now.published - before.published) / seconds
      rates.delivered += Double(now.delivered - before.delivered) / seconds
      let busy = Double(now.busyMicroseconds - before.busyMicroseconds) / 1_000_000 / seconds
      rates.busiestLoop = max(rates.busiestLoop, min(1, busy))
    }
    return rates
  }
}
