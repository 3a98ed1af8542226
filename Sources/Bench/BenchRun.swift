import ApusClient
import Glibc
import Reactor

/// One run of a load on a loop: connects, publishes on time, keeps the ledger, and reports.
///
/// `+Connecting` brings the connections up, `+Publishing` keeps the load.
final class BenchRun {
  enum Phase {
    case connecting, warming, measuring, draining, over
  }

  /// How often progress is told, in milliseconds.
  private static let tick: Int64 = 200
  /// How long after the last delivery what is missing counts as lost, in milliseconds.
  private static let timeout: Int64 = 3_000
  /// How long no connection may become ready while they are made, in milliseconds.
  private static let connectingTime: Int64 = 15_000

  let plan: BenchPlan
  let loop: Loop
  let lookup: HostLookup
  /// By node.
  let sources: [SourceAddresses]
  private let onProgress: (BenchProgress) -> Void
  private let onEnd: (Result<BenchReport, BenchError>) -> Void

  var phase = Phase.connecting
  /// First those that listen, then those that publish; by index.
  var connections: [ClientConnection] = []
  var ready = 0
  var isReady: [Bool]
  var ledger: Ledger
  var report: BenchReport
  /// By channel: its publish command, made when it is first needed.
  var templates: [(text: [UInt8], digits: Int)?]
  /// When the load began, in nanoseconds, and how many messages were due since.
  var loadBegan: UInt64 = 0
  var due = 0
  var timer: PreciseTimer?
  var isRefilling = false
  /// In milliseconds.
  private var phaseBegan: Int64 = 0
  private let connectingBegan = Sys.monotonicMicroseconds()
  private var measuredMicroseconds: Int64 = 0
  private var processorBefore: Double = 0
  /// What had come at the last tick, connections or deliveries, and when that was last more than before.
  private var countAtTick = 0
  private var lastProgress: Int64 = 0
  private var ticker: Ticker?

  init(
    _ plan: BenchPlan, on loop: Loop, onProgress: @escaping (BenchProgress) -> Void,
    onEnd: @escaping (Result<BenchReport, BenchError>) -> Void
  ) {
    self.plan = plan
    self.loop = loop
    self.onProgress = onProgress
    self.onEnd = onEnd
    lookup = HostLookup(on: loop)
    sources = plan.nodes.map { SourceAddresses(plan.sources, destination: $0.host) }
    isReady = Array(repeating: false, count: plan.connections + plan.publishers)
    ledger = Ledger(plan)
    report = BenchReport(plan)
    templates = Array(repeating: nil, count: plan.channels)
    connections.reserveCapacity(total)
  }

  var total: Int { plan.connections + plan.publishers }

  func start() {
    ticker = Ticker(on: loop, every: Self.tick) { [unowned self] in tick() }
    findNodes()
  }

  // MARK: Phases

  /// Everybody is there.
  func connected() {
    let seconds = Double(Sys.monotonicMicroseconds() - connectingBegan) / 1e6
    report.connect = .init(connections: total, seconds: seconds, perSecond: Double(total) / seconds)
    onProgress(.connecting(done: total, of: total))
    enter(plan.warmup > 0 ? .warming : .measuring)
    beginLoad()
  }

  private func enter(_ next: Phase) {
    // A moment that was set before the run ended early comes all the same.
    guard phase != .over else { return }
    phase = next
    phaseBegan = loop.now
    switch next {
    case .measuring:
      measuredMicroseconds = Sys.monotonicMicroseconds()
      processorBefore = Self.processorSeconds
      ledger.measure(from: Sys.monotonicNanoseconds())
    case .draining:
      timer?.stop()
      measure()
    case .connecting, .warming, .over: break
    }
    // The ticker is too coarse for the moments that are measured between.
    let length = next == .warming ? plan.warmup : next == .measuring ? plan.duration : nil
    if let length { Delay(length, on: loop) { [weak self] in self?.enter(next == .warming ? .measuring : .draining) } }
  }

  private func tick() {
    let count = phase == .connecting ? ready : ledger.delivered
    if count != countAtTick || lastProgress == 0 { lastProgress = loop.now }
    countAtTick = count
    let passed = Double(loop.now - phaseBegan + (phase == .measuring ? plan.warmup : 0))
    switch phase {
    case .connecting:
      onProgress(.connecting(done: ready, of: total))
      if loop.now - lastProgress > Self.connectingTime {
        end(.failure(BenchError(description: "\(ready) of \(total) connections are ready; no more came within 15 s.")))
      }
    case .warming, .measuring:
      let part = min(1, passed / Double(plan.warmup + plan.duration))
      onProgress(.publishing(part: part, delivered: ledger.delivered))
    case .draining:
      onProgress(.waiting(missing: ledger.missing))
      if ledger.missing == 0 || loop.now - max(lastProgress, phaseBegan) > Self.timeout { finish() }
    case .over: break
    }
  }

  /// Takes the figures of the measured time.
  private func measure() {
    let seconds = Double(Sys.monotonicMicroseconds() - measuredMicroseconds) / 1e6
    report.seconds = seconds
    report.publishesPerSecond = Double(ledger.measuredPublishes) / seconds
    report.deliveriesPerSecond = Double(ledger.measuredDeliveries) / seconds
    report.generatorCores = (Self.processorSeconds - processorBefore) / seconds
  }

  private func finish() {
    report.published = ledger.published
    report.expected = ledger.expected
    report.delivered = ledger.delivered
    report.lost = ledger.missing
    report.disordered = ledger.disordered
    if ledger.hasLatencies { report.latency = .init(ledger) }
    end(.success(report))
  }

  func end(_ result: Result<BenchReport, BenchError>) {
    guard phase != .over else { return }
    phase = .over
    ticker?.stop()
    timer?.stop()
    for connection in connections { connection.close() }
    onEnd(result)
  }

  /// Processor time of this process, in seconds.
  private static var processorSeconds: Double {
    var usage = rusage()
    getrusage(RUSAGE_SELF.rawValue, &usage)
    return Double(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec)
      + Double(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6
  }
}

@available(*, unavailable)
extension BenchRun: Sendable {}
