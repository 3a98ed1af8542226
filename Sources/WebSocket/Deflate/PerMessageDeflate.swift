/// What a server and a client agree on for permessage-deflate: RFC 7692 section 7.1.
///
/// Neither side takes its context over from one message to the next. That is the server's wish for both directions: a
/// broadcast is then compressed once for all, and an idle connection holds no window.
package struct PerMessageDeflate: Equatable, Sendable {
  /// How far back the server's messages may refer.
  package let window: DeflateWindow
  /// Whether the client set a limit: the answer must then name one that is no larger (section 7.1.2.1).
  private let isWindowAsked: Bool

  /// Accepts the first offer that can be met; nil without one. `headers` are those named `Sec-WebSocket-Extensions`.
  ///
  /// Throws a refusal (400) where they are malformed (RFC 6455 section 9.1).
  package init?(offered headers: [String]) throws(HandshakeRefusal) {
    for offer in try ExtensionOffer.parse(headers) where offer.name == "permessage-deflate" {
      guard let accepted = PerMessageDeflate(offer) else { continue }
      self = accepted
      return
    }
    return nil
  }

  /// Nil for an offer with anything RFC 7692 does not know, which must be declined (section 7.1).
  private init?(_ offer: ExtensionOffer) {
    var window: DeflateWindow?
    var seen: Set<String> = []
    for parameter in offer.parameters {
      guard seen.insert(parameter.name).inserted else { return nil }
      switch (parameter.name, parameter.value) {
      case ("server_no_context_takeover", nil), ("client_no_context_takeover", nil): break
      case ("client_max_window_bits", nil): break
      case ("client_max_window_bits", let value?):
        guard Self.bits(value) != nil else { return nil }
      case ("server_max_window_bits", let value?):
        window = Self.bits(value).flatMap(DeflateWindow.init(offered:))
        guard window != nil else { return nil }
      default: return nil
      }
    }
    self.window = window ?? .whole
    isWindowAsked = window != nil
  }

  /// A number from 8 to 15, without leading zeros.
  private static func bits(_ text: String) -> Int? {
    guard let bits = Int(text), (8...15).contains(bits), text == String(bits) else { return nil }
    return bits
  }

  /// The value of `Sec-WebSocket-Extensions` in the answer.
  package var response: String {
    "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
      + (isWindowAsked ? "; server_max_window_bits=\(window.bits)" : "")
  }
}
