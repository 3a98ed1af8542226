/// Why a WebSocket was closed: RFC 6455 section 7.4. Protocols above add codes of their own from 4000 on.
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

  package var description: String { String(rawValue) }
}
