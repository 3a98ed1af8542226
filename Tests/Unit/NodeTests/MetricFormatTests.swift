import Testing

@testable import Node

@Suite struct MetricFormatTests {
  /// As Prometheus 2.42 and 3.5 send it.
  private static let scrapers = [
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
      + "text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
      + "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
      + "text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
  ]

  @Test(
    arguments: scrapers + [
      "application/openmetrics-text", "Application/OpenMetrics-Text; Version=\"1.0.0\" ; Q=0.1",
      "text/plain, application/openmetrics-text", "application/openmetrics-text;q=0.5, text/plain;q=0.4",
    ])
  func openMetricsIsAskedFor(_ accept: String) {
    #expect(MetricFormat(accept: [accept]) == .openMetrics)
    #expect(MetricFormat(accept: ["*/*;q=0.1", accept]) == .openMetrics)
  }

  @Test(arguments: [
    "", "*/*", "text/html, */*", "application/*", "text/plain;version=0.0.4", "application/openmetrics-text;q=0",
    "application/openmetrics-text;version=2.0.0", "application/openmetrics-text;q=0.4, text/plain;q=0.5",
    "application/openmetrics-text;q=x", "application/openmetrics-textile", ",;,=;q",
  ])
  func textIsForAllOthers(_ accept: String) {
    #expect(MetricFormat(accept: [accept]) == .text)
  }

  @Test func withoutAccept() {
    #expect(MetricFormat(accept: []) == .text)
  }
}
