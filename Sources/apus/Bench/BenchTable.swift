import Bench

/// The figures of a run for people.
enum BenchTable {
  static func text(of report: BenchReport) -> String {
    var lines = [
      describe(report.load), "",
      "connected   \(count(report.connect.connections)) in \(number(report.connect.seconds, 2)) s, \(count(report.connect.perSecond))/s",
    ]
    if report.published > 0 {
      lines += [
        "published   \(count(report.published)), \(count(report.publishesPerSecond))/s",
        "delivered   \(count(report.delivered)) of \(count(report.expected)) expected, \(count(report.deliveriesPerSecond))/s",
        "lost        \(count(report.lost)), out of order \(count(report.disordered))",
      ]
    }
    if let latency = report.latency {
      let figures = [
        ("mean", latency.mean), ("p50", latency.p50), ("p90", latency.p90), ("p99", latency.p99),
        ("p99.9", latency.p999), ("max", latency.max),
      ]
      lines.append("latency     " + figures.map { "\($0.0) \(time($0.1))" }.joined(separator: "   "))
    }
    lines.append("generator   \(number(report.generatorCores, 2)) cores")
    return (lines + warnings(report)).joined(separator: "\n")
  }

  /// Both runs beside one another, and how many times the earlier figure the later one is.
  static func comparison(of earlier: BenchReport, with later: BenchReport) -> String {
    var rows = [
      ("connects/s", earlier.connect.perSecond, later.connect.perSecond),
      ("published/s", earlier.publishesPerSecond, later.publishesPerSecond),
      ("delivered/s", earlier.deliveriesPerSecond, later.deliveriesPerSecond),
      ("lost", Double(earlier.lost), Double(later.lost)),
    ]
    if let before = earlier.latency, let after = later.latency {
      rows += [
        ("p50 us", before.p50, after.p50), ("p99 us", before.p99, after.p99), ("p99.9 us", before.p999, after.p999),
        ("max us", before.max, after.max),
      ]
    }
    var lines = ["", pad("", 12) + pad("before", 14) + pad("now", 14) + pad("ratio", 9)]
    for (name, before, after) in rows {
      let ratio = before == 0 ? "-" : number(after / before, 2)
      lines.append(
        name.padded(to: 12) + pad(number(before, before < 100 ? 1 : 0), 14)
          + pad(number(after, after < 100 ? 1 : 0), 14)
          + pad(ratio, 9))
    }
    if earlier.load != later.load { lines.append("The loads differ. Before: \(describe(earlier.load)).") }
    return lines.joined(separator: "\n")
  }

  private static func describe(_ load: BenchReport.Load) -> String {
    let pace =
      load.rate.map { "\(count($0)) messages/s" } ?? load.window.map { "\(count($0)) messages in flight" }
      ?? "nothing published"
    return """
      \(count(load.connections)) subscribers on \(count(load.channels)) channels of \(count(load.nodes)) nodes, \
      \(count(load.publishers)) publishers, \(count(load.payload)) bytes, \(pace)
      """
  }

  private static func warnings(_ report: BenchReport) -> [String] {
    var lines: [String] = []
    for (code, times) in report.refused.sorted(by: { $0.key < $1.key }) {
      let advice = code == "rate_limited" ? ": start the node with --rate 0, or use more --publishers" : ""
      lines.append("refused     \(count(times)) publishes, \(code)\(advice)")
    }
    if report.lostConnections > 0 {
      lines.append("cut off     \(count(report.lostConnections)) connections: \(report.firstLoss ?? "")")
    }
    if report.unsent > 0 {
      lines.append("unsent      \(count(report.unsent)) messages: 64 MiB were already waiting for the node")
    }
    let late = number(100 * Double(report.lateSends) / Double(max(1, report.published)), 1)
    if late != "0.0" {
      lines.append("late        \(late) % of the messages were over 1 ms late: the generator is too slow for this load")
    }
    return lines
  }

  private static func time(_ microseconds: Double) -> String {
    microseconds < 1000 ? "\(number(microseconds, 0)) us" : "\(number(microseconds / 1000, 2)) ms"
  }

  private static func count(_ value: Double) -> String {
    value < 10 && value != value.rounded() ? number(value, 3) : count(Int(exactly: value.rounded()) ?? .max)
  }

  /// With a comma before every three digits.
  private static func count(_ value: Int) -> String {
    var text = ""
    for (index, digit) in String(value.magnitude).reversed().enumerated() {
      if index > 0, index.isMultiple(of: 3) { text.append(",") }
      text.append(digit)
    }
    return (value < 0 ? "-" : "") + String(text.reversed())
  }

  private static func number(_ value: Double, _ places: Int) -> String {
    var scale = 1
    for _ in 0..<places { scale *= 10 }
    // A file to compare with may hold anything.
    let scaled = Int(exactly: (value * Double(scale)).rounded()) ?? .max
    guard places > 0 else { return String(scaled) }
    let fraction = String(scaled.magnitude % UInt(scale))
    let zeros = String(repeating: "0", count: places - fraction.count)
    return "\(scaled < 0 ? "-" : "")\(scaled.magnitude / UInt(scale)).\(zeros)\(fraction)"
  }

  private static func pad(_ text: String, _ width: Int) -> String {
    String(repeating: " ", count: max(0, width - text.count)) + text
  }
}

extension String {
  fileprivate func padded(to width: Int) -> String {
    self + String(repeating: " ", count: max(0, width - count))
  }
}
