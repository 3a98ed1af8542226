import Server

/// Writes a page of metrics in one of its formats.
struct MetricRenderer {
  private let format: MetricFormat
  private(set) var text = ""

  init(_ format: MetricFormat) {
    self.format = format
  }

  /// Begins a metric, whose samples follow.
  mutating func declare(_ name: String, type: MetricType, help: String) {
    switch format {
    case .text:
      // It has no type for `info`.
      let type = type == .info ? MetricType.gauge : type
      text += "# HELP \(name) \(help)\n# TYPE \(name) \(type.rawValue)\n"
    case .openMetrics:
      let family = name.dropLast(type.suffix.count)
      text += "# HELP \(family) \(help)\n# TYPE \(family) \(type.rawValue)\n"
      if let unit = Self.units.first(where: { family.hasSuffix("_" + $0) }) { text += "# UNIT \(family) \(unit)\n" }
    }
  }

  mutating func sample(_ name: String, _ value: Int) {
    text += "\(name) \(value)\n"
  }

  mutating func sample(_ name: String, _ labels: [(String, String)], _ value: Int) {
    text += "\(name)\(Self.braces(labels)) \(value)\n"
  }

  mutating func sample(_ name: String, _ labels: [(String, String)], _ value: Double) {
    text += "\(name)\(Self.braces(labels)) \(value)\n"
  }

  mutating func histogram(_ name: String, _ histogram: Histogram) {
    self.histogram(
      name, [], bounds: Histogram.bounds, buckets: histogram.buckets, sum: Double(histogram.microseconds) / 1_000_000)
  }

  /// `buckets` has one more than `bounds`, for what is above all of them.
  mutating func histogram(
    _ name: String, _ labels: [(String, String)], bounds: [Double], buckets: [Int], sum: Double
  ) {
    var cumulative = 0
    for (bound, count) in zip(bounds.map { String($0) } + ["+Inf"], buckets) {
      cumulative += count
      sample(name + "_bucket", labels + [("le", bound)], cumulative)
    }
    sample(name + "_sum", labels, sum)
    sample(name + "_count", labels, cumulative)
  }

  /// Ends the page, so that a reader knows whether it has all of it.
  mutating func end() {
    if format == .openMetrics { text += "# EOF\n" }
  }

  /// What names of metrics end with where they have a unit.
  private static let units = ["bytes", "ratio", "seconds"]

  /// Label values here are words of our own (codes, types, numbers, routes), so nothing has to be escaped.
  private static func braces(_ labels: [(String, String)]) -> String {
    labels.isEmpty ? "" : "{" + labels.map { "\($0.0)=\"\($0.1)\"" }.joined(separator: ",") + "}"
  }
}

/// A type of metrics, as OpenMetrics calls it.
enum MetricType: String {
  case counter
  case gauge
  case histogram
  /// What never changes and stands in the labels of a sample that is 1.
  case info

  /// What a sample's name has in OpenMetrics and the metric's has not.
  fileprivate var suffix: String {
    switch self {
    case .counter: "_total"
    case .info: "_info"
    case .gauge, .histogram: ""
    }
  }
}
