import Redis

/// One value of a reply, owned: what is kept after the `RedisReplyView` it was made from is gone.
enum RedisValue: Sendable, Equatable {
  case string([UInt8])
  case array([RedisValue])
  case integer(Int)
  /// The null string or the null array.
  case null
  case status(String)
  case error(RedisError)

  /// A copy of the view and all below it.
  init(_ view: RedisReplyView) {
    switch view.kind {
    case .string: self = .string(Array(view.bytes))
    // No deeper than CHIREDIS_MAX_DEPTH, so the recursion is bounded.
    case .array: self = .array(view.children.map { RedisValue($0) })
    case .integer: self = .integer(view.integer)
    case .null: self = .null
    case .status: self = .status(view.string)
    case .error: self = .error(RedisError(view.string))
    }
  }
}
