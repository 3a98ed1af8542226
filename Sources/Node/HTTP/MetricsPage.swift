import Broker
import HTTPTypes
import Hummingbird
import HummingbirdCore
import Server

/// `/metrics`: what the loops have counted, in Prometheus' text format. Gauges are computed when scraped.
struct MetricsPage: Sendable {
  let statistics: @Sendable () async -> [Statistics]
  let status: @Sendable () async -> BrokerStatus?

  func response() async -> Response {
    let snapshot = MetricSnapshot(loops: await statistics(), broker: await status())
    var renderer = MetricRenderer()
    for metric in Metric.allCases { metric.render(snapshot, into: &renderer) }
    return Response(
      status: .ok, headers: [.contentType: "text/plain; version=0.0.4; charset=utf-8"],
      body: ResponseBody(byteBuffer: ByteBuffer(string: renderer.text)))
  }
}
