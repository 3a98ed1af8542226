import Cluster
import Redis

/// An answer of Redis, copied, as tests read it: what it is not reads as empty.
struct RedisAnswer: Equatable {
  /// The text of a string or a status, an integer in decimal.
  let text: String
  let integer: Int
  let elements: [RedisAnswer]
  let error: RedisError?

  init(_ view: RedisReplyView) {
    text =
      switch view.kind {
      case .string, .status: view.string
      case .integer: String(view.integer)
      case .array, .null, .error: ""
      }
    integer = view.integer
    elements = view.children.map { RedisAnswer($0) }
    error = view.error
  }
}
