import Server

/// Prometheus' text format, version 0.0.4.
struct MetricRenderer {
  private(set) var text = ""

  mutating func declare(_ name: String, type: String, help: String) {
    text += "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n"
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
    var cumulative = 0
    for (index, bound) in Histogram.bounds.enumerated() {
      cumulative += histogram.buckets[index]
      sample(name + "_bucket", [("le", String(bound))], cumulative)
    }
    sample(name + "_bucket", [("le", "+Inf")], histogram.count)
    text += "\(name)_sum \(Double(histogram.microseconds) / 1_000_000)\n"
    sample(name + "_count", histogram.count)
  }

  /// Label values here are words of our own (codes, types, numbers), so nothing has to be escaped.
  private static func braces(_ labels: [(String, String)]) -> String {
    labels.isEmpty ? "" : "{" + labels.map { "\($0.0)=\"\($0.1)\"" }.joined(separator: ",") + "}"
  }
}
