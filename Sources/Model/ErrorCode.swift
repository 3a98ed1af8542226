/// Why a command was refused, as the client reads it in the `code` of an `error`.
package enum ErrorCode: String, Sendable, CaseIterable {
  case badRequest = "bad_request"
  case unknownType = "unknown_type"
  case unknownMethod = "unknown_method"
  case unauthenticated
  case forbidden
  case invalidToken = "invalid_token"
  case expiredToken = "expired_token"
  case rateLimited = "rate_limited"
  case tooLarge = "too_large"
  case tooManyChannels = "too_many_channels"
  case invalidChannel = "invalid_channel"
  case unavailable
  case timeout
  case `internal`

  /// Whether the same command may succeed later.
  package var isTemporary: Bool {
    switch self {
    case .rateLimited, .unavailable, .timeout, .internal: true
    case .badRequest, .unknownType, .unknownMethod, .unauthenticated, .forbidden, .invalidToken, .expiredToken,
      .tooLarge, .tooManyChannels, .invalidChannel:
      false
    }
  }
}

/// A command that was refused, and what its sender is told.
package struct Refusal: Error, Equatable, Sendable {
  package var id: RequestID?
  /// Which of the channels it was about, where nothing else tells: on a stream, whose subscribes have no ids.
  package var channel: ChannelName?
  package var code: ErrorCode
  /// One sentence for people.
  package var message: String
  /// With `rate_limited`: milliseconds until it is worth trying again.
  package var retryAfter: Int?

  package init(id: RequestID? = nil, _ code: ErrorCode, _ message: String, retryAfter: Int? = nil) {
    self.id = id
    self.code = code
    self.message = message
    self.retryAfter = retryAfter
  }

  /// Something that the node cannot pass on, because one of its threads is too far behind: nothing was published, sent or
  /// read, as `nothing` says.
  package static func overloaded(id: RequestID? = nil, nothing done: String = "published") -> Refusal {
    Refusal(id: id, .unavailable, "This node is overloaded; nothing was \(done).")
  }
}
