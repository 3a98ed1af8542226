/// Why a WebSocket was closed: RFC 6455 section 7.4 and, from 4000, the codes of Apus' own protocol.
package struct CloseCode: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
  package let rawValue: UInt16

  package init(rawValue: UInt16) {
    self.rawValue = rawValue
  }

  package static let normal = CloseCode(rawValue: 1000)
  package static let goingAway = CloseCode(rawValue: 1001)
  package static let protocolError = CloseCode(rawValue: 1002)
  package static let unsupportedData = CloseCode(rawValue: 1003)
  package static let invalidPayload = CloseCode(rawValue: 1007)
  package static let tooBig = CloseCode(rawValue: 1009)
  package static let internalError = CloseCode(rawValue: 1011)
  /// This node restarts: reconnect after the delay told in `drain`.
  package static let restart = CloseCode(rawValue: 1012)
  /// The node is full or overloaded.
  package static let overloaded = CloseCode(rawValue: 1013)
  package static let unauthenticated = CloseCode(rawValue: 4001)
  package static let tokenExpired = CloseCode(rawValue: 4002)
  package static let disconnected = CloseCode(rawValue: 4003)
  package static let rateLimited = CloseCode(rawValue: 4008)
  /// The outbox was full: the client did not read fast enough.
  package static let tooSlow = CloseCode(rawValue: 4009)
  package static let pongTimeout = CloseCode(rawValue: 4010)

  /// Never sent; stands in counts for a connection that ended without a close frame (RFC 6455 section 7.1.5).
  package static let abnormal = CloseCode(rawValue: 1006)
  /// Never sent; stands for a close frame that named no code (RFC 6455 section 7.1.5).
  package static let noStatus = CloseCode(rawValue: 1005)

  /// Whether a peer may send this code in a close frame (RFC 6455 section 7.4.2).
  package var mayBeReceived: Bool {
    switch rawValue {
    case 1000...1003, 1007...1014, 3000...4999: true
    default: false
    }
  }

  /// Whether the code means something to Apus or to RFC 6455.
  package var isKnown: Bool {
    switch rawValue {
    case 1000...1014, 4001...4003, 4008...4010: true
    default: false
    }
  }

  package var description: String { String(rawValue) }
}
