/// How an error is told over HTTP: by the API, and where a stream is refused.
extension ErrorCode {
  /// The status of the answer (RFC 9110 section 15).
  package var httpStatus: Int {
    switch self {
    case .badRequest, .invalidChannel: 400
    case .unauthenticated, .invalidToken, .expiredToken: 401
    case .forbidden: 403
    case .unknownType, .unknownMethod: 404
    case .tooManyChannels: 409
    case .tooLarge: 413
    case .rateLimited: 429
    case .internal: 500
    case .unavailable: 503
    case .timeout: 504
    }
  }
}
