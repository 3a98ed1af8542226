import Protocol
import WebSocket

/// How a connection ended or was never made.
package enum ConnectionLoss: Equatable {
  /// It could not be made, or broke, or was not answered; trying again may help.
  case broken(String)
  /// The node refused the handshake; `retryAfter` in milliseconds where it says that trying again helps.
  case refused(String, retryAfter: Int64?)
  /// The node closed it.
  case closed(CloseCode, reason: String)

  /// Whether it needs another token to come back.
  var isForToken: Bool {
    switch self {
    case .closed(let code, _): code == .unauthenticated || code == .tokenExpired
    case .broken, .refused: false
    }
  }
}
