import Locks

/// The requests of the HTTP API by route, as the metrics tell them; threads share it.
final class APIMetrics: Sendable {
  /// What counts as the route of requests that no route takes.
  static let noRoute = "none"
  /// The upper bounds of all but the last bucket, in seconds.
  static let bounds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

  /// The requests of one route.
  struct Requests: Equatable, Sendable {
    /// How many there were, by HTTP status.
    private(set) var statuses: [Int: Int] = [:]
    /// How many took at most as long as their bound and longer than the one before; the last one has the rest.
    private(set) var buckets = [Int](repeating: 0, count: bounds.count + 1)
    /// How long all of them took.
    private(set) var seconds = 0.0

    fileprivate mutating func count(status: Int, seconds: Double) {
      statuses[status, default: 0] += 1
      buckets[bounds.firstIndex { seconds <= $0 } ?? bounds.count] += 1
      self.seconds += seconds
    }
  }

  private let routes = Lock<[String: Requests]>([:])

  /// Counts a request that has been answered.
  ///
  /// `route` is the method with the pattern of the path, `POST /api/channels/{channel}/messages`, or `noRoute`: with
  /// paths as clients send them there would be no end of routes.
  func record(route: String, status: Int, seconds: Double) {
    routes.withLock { $0[route, default: Requests()].count(status: status, seconds: max(seconds, 0)) }
  }

  /// What has been counted, by route.
  var all: [String: Requests] { routes.withLock { $0 } }
}
