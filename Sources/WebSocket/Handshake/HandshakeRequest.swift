/// A valid opening handshake: RFC 6455 section 4.2.1.
package struct HandshakeRequest: Equatable, Sendable {
  /// Without the query, beginning with `/`, its escapes decoded.
  package var path: String
  /// What followed the `?`, as sent; empty without one.
  package var rawQuery: String
  /// The host, with its port if one was sent; that of the target where it was in absolute form (RFC 9112 section 3.2.2).
  package var host: String
  /// `Origin` as sent; programs other than browsers send none.
  package var origin: String?
  /// The base64 text of 16 bytes.
  package var key: String
  /// What the client offers, in its order of preference.
  package var subprotocols: [String]
  /// The values of `Sec-WebSocket-Extensions`, one per header, as sent.
  package var extensions: [String]
  /// The entries of `X-Forwarded-For`, the nearest proxy's last.
  package var forwardedFor: [String]
  /// The entries of `X-Forwarded-Proto`.
  package var forwardedProto: [String]

  /// The first query parameter of that name, decoded as forms encode it: `+` is a space, `%41` is `A`, and what is no
  /// valid escape stands for itself. Throws a refusal (400) when its value is no UTF-8.
  package func query(_ name: String) throws(HandshakeRefusal) -> String? {
    for pair in rawQuery.utf8.split(separator: UInt8(ascii: "&")) {
      let parts = pair.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
      guard Self.decode(parts[0]) == name else { continue }
      guard parts.count == 2 else { return "" }
      guard let value = Self.decode(parts[1]) else {
        throw .badRequest("The query parameter \(name) is not UTF-8.")
      }
      return value
    }
    return nil
  }

  private static func decode(_ text: Substring.UTF8View) -> String? {
    var bytes: [UInt8] = []
    var rest = text
    while let byte = rest.popFirst() {
      switch byte {
      case UInt8(ascii: "+"):
        bytes.append(.space)
      case UInt8(ascii: "%"):
        let digits = rest.prefix(2).compactMap(\.hexValue)
        if digits.count == 2 {
          rest = rest.dropFirst(2)
          bytes.append(digits[0] << 4 | digits[1])
        } else {
          bytes.append(byte)
        }
      default:
        bytes.append(byte)
      }
    }
    return String(validating: bytes, as: UTF8.self)
  }
}
