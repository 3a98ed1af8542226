import Locks
import Server

/// What the limits of the HTTP side have kept away, as the metrics tell it.
final class LimitTally: Sendable {
  private let counts = Lock<[String: Int]>([:])

  func count(_ limit: Limit) {
    counts.withLock { $0[limit.rawValue, default: 0] += 1 }
  }

  var all: [String: Int] { counts.withLock { $0 } }
}
