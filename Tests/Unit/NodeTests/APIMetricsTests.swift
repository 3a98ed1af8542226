import Testing

@testable import Node

@Suite struct APIMetricsTests {
  private static let route = "GET /api/channels/{channel}"

  /// The one bucket that a request of so many seconds is counted in.
  private func bucket(_ seconds: Double) -> Int? {
    let metrics = APIMetrics()
    metrics.record(route: Self.route, status: 200, seconds: seconds)
    return metrics.all[Self.route]?.buckets.firstIndex(of: 1)
  }

  @Test func requestsCountByRouteAndStatus() {
    let metrics = APIMetrics()
    #expect(metrics.all.isEmpty)
    metrics.record(route: Self.route, status: 200, seconds: 0.25)
    metrics.record(route: Self.route, status: 200, seconds: 0.5)
    metrics.record(route: Self.route, status: 403, seconds: 0.125)
    metrics.record(route: APIMetrics.noRoute, status: 404, seconds: 0)
    #expect(metrics.all.count == 2)
    #expect(metrics.all[Self.route]?.statuses == [200: 2, 403: 1])
    #expect(metrics.all[Self.route]?.seconds == 0.875)
    #expect(metrics.all[Self.route]?.buckets.reduce(0, +) == 3)
    #expect(metrics.all["none"]?.statuses == [404: 1])
  }

  @Test func eachBucketReachesToItsBound() {
    for (index, bound) in APIMetrics.bounds.enumerated() {
      #expect(bucket(bound) == index, "\(bound) is still in it")
      #expect(bucket(bound.nextUp) == index + 1, "what is above is not")
    }
    #expect(bucket(0) == 0)
    #expect(bucket(1000) == APIMetrics.bounds.count, "the last takes everything")
    #expect(bucket(-1) == 0, "a clock that went back")
    #expect(APIMetrics.bounds == APIMetrics.bounds.sorted())
  }

  @Test func threadsShareIt() async {
    let metrics = APIMetrics()
    await withTaskGroup(of: Void.self) { group in
      for number in 0..<8 {
        group.addTask {
          for _ in 0..<1000 { metrics.record(route: "GET /\(number % 2)", status: 200 + number, seconds: 1) }
        }
      }
    }
    let all = metrics.all
    #expect(all["GET /0"]?.statuses == [200: 1000, 202: 1000, 204: 1000, 206: 1000])
    #expect(all["GET /1"]?.statuses == [201: 1000, 203: 1000, 205: 1000, 207: 1000])
    #expect(all.values.map(\.seconds) == [4000, 4000])
  }
}
