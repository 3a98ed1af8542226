import Cluster
import HTTPTypes
import Hummingbird
import HummingbirdCore
import Server

/// `/metrics`: what the loops have counted, in the format that a scraper asks for. Gauges are computed when scraped.
///
/// Every scrape makes the loops stop for a moment, so there is one at a time and few a second, however many ask: whoever asks
/// before the next has begun gets that one, if it is in the same format.
actor MetricsPage {
  private static let interval = Duration.milliseconds(50)

  /// Where the HTTP API counts its requests.
  let api = APIMetrics()
  private let statistics: @Sendable () async -> [Statistics]
  private let status: @Sendable () async -> BrokerStatus?
  private let limitedHTTP: @Sendable () -> [String: Int]
  private let process = ProcessReader()
  /// The scrapes that have not begun yet, and the latest one.
  private var next: [MetricFormat: Task<ByteBuffer, Never>] = [:]
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

  /// The page, in the format that the values of `Accept` ask for.
  func response(accept: [String]) async -> Response {
    let format = MetricFormat(accept: accept)
    return Response(
      status: .ok, headers: [.contentType: format.contentType],
      body: ResponseBody(byteBuffer: await page(as: format)))
  }

  private func page(as format: MetricFormat) async -> ByteBuffer {
    if let next = next[format] { return await next.value }
    let previous = latest
    let scrape = Task {
      _ = await previous?.value
      // Not cancelled by anybody.
      try? await Task.sleep(until: earliest, clock: .continuous)
      next[format] = nil
      earliest = .now + Self.interval
      return await render(as: format)
    }
    next[format] = scrape
    latest = scrape
    return await scrape.value
  }

  private func render(as format: MetricFormat) async -> ByteBuffer {
    let snapshot = MetricSnapshot(
      loops: await statistics(), broker: await status(), limitedHTTP: limitedHTTP(), api: api.all,
      process: process.metrics())
    return ByteBuffer(string: Metric.page(snapshot, as: format))
  }
}
