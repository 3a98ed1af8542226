import WebSocket

/// The codes of Apus' own protocol.
extension CloseCode {
  package static let unauthenticated = CloseCode(rawValue: 4001)
  package static let tokenExpired = CloseCode(rawValue: 4002)
  package static let disconnected = CloseCode(rawValue: 4003)
  package static let rateLimited = CloseCode(rawValue: 4008)
  /// The outbox was full: the client did not read fast enough.
  package static let tooSlow = CloseCode(rawValue: 4009)
  package static let pongTimeout = CloseCode(rawValue: 4010)

  /// Whether the code means something to Apus or to RFC 6455.
  package var isKnown: Bool {
    switch rawValue {
    case 1000...1014, 4001...4003, 4008...4010: true
    default: false
    }
  }
}
