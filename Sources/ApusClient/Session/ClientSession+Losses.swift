import Model
import Protocol
import WebSocket

/// What the end of a connection means.
extension ClientSession {
  /// As the program is told it.
  func error(_ loss: ConnectionLoss) -> ApusClientError {
    switch loss {
    case .broken(let words): return ApusClientError(.notConnected, words)
    case .refused(let words, _): return ApusClientError(.refused, words)
    case .closed(.tokenExpired, _) where renewsToken:
      return ApusClientError(.init(ErrorCode.expiredToken.rawValue), "The token has expired.")
    case .closed(let code, let reason):
      if code == .unauthenticated, let objection { return objection }
      return ApusClientError(
        loss.isForToken || !mayTryAgain(loss) ? .refused : .notConnected,
        "The node closed the connection (\(code))\(reason.isEmpty ? "" : ": \(reason)").")
    }
  }

  func mayTryAgain(_ loss: ConnectionLoss) -> Bool {
    switch loss {
    case .broken: true
    case .refused(_, let retryAfter): retryAfter != nil
    // Once with another token: a node that does not want that one either will want none.
    case .closed where loss.isForToken: renewsToken && rejection == nil
    case .closed(let code, _): code != .disconnected
    }
  }
}
