import Cluster
import HTTPTypes
import Hummingbird
import HummingbirdCore
import Server

/// `/metrics`: what the loops have counted, in Prometheus' text format. Gauges are computed when scraped.
///
/// Every scrape makes the loops stop for a moment, so there is one at a time and few a second, however many ask: whoever asks
/// before the next has begun gets that one.
actor MetricsPage {
  private static let interval = Duration.milliseconds(50)

  private let statistics: @Sendable () async -> [Statistics]
  private let status: @Sendable () async -> BrokerStatus?
  private let limitedHTTP: @Sendable () -> [String: Int]
  /// The scrape that has not begun yet, and the latest one.
  private var next: Task<ByteBuffer, Never>?
  private var latest: Task<ByteBuffer, Never>?
  private var earliest = ContinuousClock.now

  init(
    statistics: @escaping @Sendable () async -> [Statistics], status: @escaping @Sendable () async -> BrokerStatus?,
    limitedHTTP: @escaping @Sendable () -> [String: Int]
  ) {
    self.statistics = statistics
    self.status = status
    self.limitedHTTP = limitedHTTP
  }

  func response() async -> Response {
    Response(
      status: .ok, headers: [.contentType: "text/plain; version=0.0.4; charset=utf-8"],
      body: ResponseBody(byteBuffer: await page()))
  }

  private func page() async -> ByteBuffer {
    if let next { return await next.value }
    let previous = latest
    let scrape = Task {
      _ = await previous?.value
      // Not cancelled by anybody.
      try? await Task.sleep(until: earliest, clock: .continuous)
      next = nil
      earliest = .now + Self.interval
      return await render()
    }
    next = scrape
    latest = scrape
    return await scrape.value
  }

  private func render() async -> ByteBuffer {
    let snapshot = MetricSnapshot(loops: await statistics(), broker: await status(), limitedHTTP: limitedHTTP())
    var renderer = MetricRenderer()
    for metric in Metric.allCases { metric.render(snapshot, into: &renderer) }
    return ByteBuffer(string: renderer.text)
  }
}
