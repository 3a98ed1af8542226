import Cluster
import Testing

@testable import Node

/// The page of metrics in both of its formats.
@Suite struct MetricTests {
  private func page(
    _ format: MetricFormat, broker: BrokerStatus? = nil, api: APIMetrics = APIMetrics(),
    process: ProcessMetrics = ProcessMetrics()
  ) -> [String] {
    let snapshot = MetricSnapshot(loops: [], broker: broker, limitedHTTP: [:], api: api.all, process: process)
    return Metric.page(snapshot, as: format).split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
  }

  /// That of a `# TYPE` line.
  private static func name(_ line: String) -> Substring { line.split(separator: " ")[2] }

  @Test func namesAndHelpNeedNoEscapes() {
    for metric in Metric.allCases {
      let suffix =
        switch metric.type {
        case .counter: "_total"
        case .info: "_info"
        case .gauge, .histogram: ""
        }
      #expect(metric.rawValue.hasSuffix(suffix))
      #expect(suffix != "" || !metric.rawValue.hasSuffix("_total"))
      #expect(!metric.help.contains { "\\\"\n".contains($0) })
    }
  }

  @Test func everyMetricIsDeclaredOnce() {
    let text = page(.text).filter { $0.hasPrefix("# TYPE ") }.map(Self.name)
    #expect(text.map(String.init) == Metric.allCases.map(\.rawValue))
    let openMetrics = Set(page(.openMetrics).filter { $0.hasPrefix("# TYPE ") }.map(Self.name))
    #expect(openMetrics.count == Metric.allCases.count)
    for format in MetricFormat.allCases {
      #expect(page(format).count { $0.hasPrefix("# HELP ") } == Metric.allCases.count)
    }
  }

  @Test func theEndIsToldInOpenMetricsAlone() {
    #expect(page(.openMetrics).suffix(2) == ["# EOF", ""])
    #expect(page(.text).last == "" && !page(.text).contains("# EOF"))
  }

  @Test func sentinelsAreToldWhereThereAreSome() {
    var status = BrokerStatus()
    status.shards = [
      BrokerStatus.Shard(name: "0", isUp: true, reconnects: 0, roundTrip: nil),
      BrokerStatus.Shard(name: "1", isUp: true, reconnects: 0, roundTrip: nil, sentinelsUp: 2),
    ]
    let lines = page(.text, broker: status).filter { $0.hasPrefix("apus_sentinels_up") }
    #expect(lines == ["apus_sentinels_up{shard=\"1\"} 2.0"])
  }

  @Test func counters() {
    let process = ProcessMetrics(cpuSeconds: 1.25)
    let text = page(.text, process: process)
    #expect(text.contains("# TYPE process_cpu_seconds_total counter"))
    #expect(text.contains("process_cpu_seconds_total 1.25"))
    #expect(!text.contains { $0.hasPrefix("# UNIT ") })
    let openMetrics = page(.openMetrics, process: process)
    #expect(openMetrics.contains("# TYPE process_cpu_seconds counter"))
    #expect(openMetrics.contains("# UNIT process_cpu_seconds seconds"))
    #expect(openMetrics.contains("process_cpu_seconds_total 1.25"))
  }

  @Test func gauges() {
    let process = ProcessMetrics(
      residentBytes: 4096, startSeconds: 1_700_000_000.25, openDescriptors: 12, maxDescriptors: 1024)
    for format in MetricFormat.allCases {
      let page = page(format, process: process)
      #expect(page.contains("# TYPE process_resident_memory_bytes gauge"))
      #expect(page.contains("process_resident_memory_bytes 4096"))
      #expect(page.contains("process_start_time_seconds 1700000000.25"))
      #expect(page.contains("process_open_fds 12"))
      #expect(page.contains("process_max_fds 1024"))
    }
    #expect(page(.openMetrics).contains("# UNIT process_resident_memory_bytes bytes"))
  }

  @Test func whatIsNotKnownIsLeftOut() {
    for format in MetricFormat.allCases {
      #expect(!page(format).contains { $0.hasPrefix("process_") })
      #expect(!page(format).contains { $0.hasPrefix("apus_api_") })
    }
  }

  @Test func theBuildIsAnInfo() {
    let sample = #"apus_build_info{version="\#(Node.version)",swift="\#(BuildInfo.swift)"} 1"#
    #expect(page(.text).contains("# TYPE apus_build_info gauge") && page(.text).contains(sample))
    let openMetrics = page(.openMetrics)
    #expect(openMetrics.contains("# TYPE apus_build info") && openMetrics.contains(sample))
    #expect(BuildInfo.swift.hasPrefix("6."))
  }

  @Test func requestsOfTheAPI() {
    let api = APIMetrics()
    api.record(route: "POST /api/messages", status: 200, seconds: 0.25)
    api.record(route: "POST /api/messages", status: 503, seconds: 20)
    api.record(route: "GET /api/users/{user}", status: 200, seconds: 0.125)
    for format in MetricFormat.allCases {
      let page = page(format, api: api)
      let counts = [
        #"apus_api_requests_total{route="GET /api/users/{user}",status="200"} 1"#,
        #"apus_api_requests_total{route="POST /api/messages",status="200"} 1"#,
        #"apus_api_requests_total{route="POST /api/messages",status="503"} 1"#,
      ]
      #expect(page.filter { $0.hasPrefix("apus_api_requests_total") } == counts)
      let durations = page.filter { $0.hasPrefix("apus_api_seconds") && $0.contains("POST /api/messages") }
      #expect(durations.count == APIMetrics.bounds.count + 3)
      #expect(durations.first == #"apus_api_seconds_bucket{route="POST /api/messages",le="0.001"} 0"#)
      let last = [
        #"apus_api_seconds_bucket{route="POST /api/messages",le="10.0"} 1"#,
        #"apus_api_seconds_bucket{route="POST /api/messages",le="+Inf"} 2"#,
        #"apus_api_seconds_sum{route="POST /api/messages"} 20.25"#,
        #"apus_api_seconds_count{route="POST /api/messages"} 2"#,
      ]
      #expect(durations.suffix(4) == last[...])
    }
  }

  @Test func aHistogramWithoutLabels() {
    for format in MetricFormat.allCases {
      let samples = page(format).filter { $0.hasPrefix("apus_delivery_seconds") }
      #expect(samples.first == #"apus_delivery_seconds_bucket{le="1.6e-05"} 0"#)
      let last = [
        #"apus_delivery_seconds_bucket{le="+Inf"} 0"#, "apus_delivery_seconds_sum 0.0", "apus_delivery_seconds_count 0",
      ]
      #expect(samples.suffix(3) == last[...])
    }
  }
}
