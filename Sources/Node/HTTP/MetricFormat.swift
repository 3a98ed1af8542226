/// A format of the page of metrics.
enum MetricFormat: CaseIterable {
  /// Prometheus' text format, version 0.0.4.
  case text
  /// OpenMetrics, version 1.0.0.
  case openMetrics

  /// The one for a request with these values of `Accept` (RFC 9110 section 12.5.1): OpenMetrics where it is asked for by
  /// its name and the text format is not preferred.
  init(accept values: [String]) {
    let ranges = values.flatMap { $0.split(separator: ",") }.map(MediaRange.init)
    let openMetrics = ranges.filter(\.isOpenMetrics).map(\.quality).max() ?? 0
    let text = ranges.filter { $0.type == "text/plain" }.map(\.quality).max() ?? 0
    self = openMetrics > 0 && openMetrics >= text ? .openMetrics : .text
  }

  var contentType: String {
    switch self {
    case .text: "text/plain; version=0.0.4; charset=utf-8"
    case .openMetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8"
    }
  }
}

/// One of the types that an `Accept` lists.
private struct MediaRange {
  /// In lower case.
  let type: String
  private(set) var version: String?
  /// 0 to 1, and 0 where it is no number.
  private(set) var quality = 1.0

  init(_ text: Substring) {
    let parts = text.filter { !" \t\"".contains($0) }.lowercased().split(separator: ";")
    type = parts.first.map(String.init) ?? ""
    for part in parts.dropFirst() {
      if part.hasPrefix("version=") { version = String(part.dropFirst("version=".count)) }
      if part.hasPrefix("q=") { quality = Double(part.dropFirst("q=".count)) ?? 0 }
    }
  }

  var isOpenMetrics: Bool { type == "application/openmetrics-text" && (version ?? "1.0.0") == "1.0.0" }
}
