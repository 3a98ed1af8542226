/// What a run came to, as `--json` writes it.
package struct BenchReport: Codable, Sendable {
  /// The load that was asked for.
  package struct Load: Codable, Equatable, Sendable {
    package var nodes: Int
    package var connections: Int
    package var channels: Int
    package var publishers: Int
    package var payload: Int
    /// Messages a second in an open loop.
    package var rate: Double?
    /// Messages under way in a closed loop.
    package var window: Int?
  }

  package struct Connect: Codable, Sendable {
    package var connections = 0
    package var seconds = 0.0
    package var perSecond = 0.0
  }

  /// Microseconds from the intended moment of sending to the arrival, by deliveries in the measured time.
  package struct Latency: Codable, Sendable {
    package var mean, p50, p90, p99, p999, max: Double

    init(_ ledger: Ledger) {
      mean = ledger.meanLatency
      p50 = ledger.latency(percentile: 50)
      p90 = ledger.latency(percentile: 90)
      p99 = ledger.latency(percentile: 99)
      p999 = ledger.latency(percentile: 99.9)
      max = ledger.maxLatency
    }
  }

  package var load: Load
  package var connect = Connect()
  /// The measured time.
  package var seconds = 0.0
  package var publishesPerSecond = 0.0
  package var deliveriesPerSecond = 0.0
  package var latency: Latency?
  /// Over the whole run, the warm-up included.
  package var published = 0
  /// Deliveries that the publishes asked for but for those that were refused, and what became of them.
  package var expected = 0
  package var delivered = 0
  package var lost = 0
  /// Deliveries that came twice or after a later one of the same publisher; they do not count as delivered.
  package var disordered = 0
  /// Publishes that the nodes refused, by the code of their errors; their deliveries are neither expected nor lost.
  package var refused: [String: Int] = [:]
  package var lostConnections = 0
  package var firstLoss: String?
  /// Messages that left more than a millisecond after their moment, because the generator was too slow.
  package var lateSends = 0
  /// Messages of an open loop that never left, because tens of megabytes waited for the node already.
  package var unsent = 0
  /// Processors that the generator itself took.
  package var generatorCores = 0.0

  init(_ plan: BenchPlan) {
    load = Load(
      nodes: plan.nodes.count, connections: plan.connections, channels: plan.channels, publishers: plan.publishers,
      payload: plan.payload)
    switch plan.load {
    case .rate(let rate): load.rate = rate
    case .window(let window): load.window = window
    case .idle: break
    }
  }

  /// Whether everything arrived, once, in order, and nobody was disconnected.
  package var isClean: Bool {
    lost == 0 && disordered == 0 && unsent == 0 && refused.isEmpty && lostConnections == 0
  }
}
