/// How far a run is.
package enum BenchProgress: Sendable {
  case connecting(done: Int, of: Int)
  /// Of the warm-up and the measured time together, from 0 to 1.
  case publishing(part: Double, delivered: Int)
  /// What is still expected after the last publish.
  case waiting(missing: Int)
}

/// Why a run came to nothing, in a sentence.
package struct BenchError: Error, CustomStringConvertible {
  package let description: String
}
