/// A format of the page of metrics.
enum MetricFormat: CaseIterable {
  /// Prometheus' text format, version 0.0.4.
  case text
  /// OpenMetrics, version 1.0.0.
  case openMetrics

  /// The one for a request with these values of `Accept` (RFC 9110 section 12.5.1): OpenMetrics where it is asked for by
  /// its name and the text format is not preferred.
  init(accept values: [String]) {
    let ranges = AcceptedValue.all(of: values)
    let openMetrics = ranges.filter(\.isOpenMetrics).map(\.quality).max() ?? 0
    let text = ranges.filter { $0.value == "text/plain" }.map(\.quality).max() ?? 0
    self = openMetrics > 0 && openMetrics >= text ? .openMetrics : .text
  }

  var contentType: String {
    switch self {
    case .text: "text/plain; version=0.0.4; charset=utf-8"
    case .openMetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8"
    }
  }
}

extension AcceptedValue {
  fileprivate var isOpenMetrics: Bool { value == "application/openmetrics-text" && (version ?? "1.0.0") == "1.0.0" }
}
