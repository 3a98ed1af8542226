/// One extension a client offers: RFC 6455 section 9.1.
struct ExtensionOffer: Equatable {
  struct Parameter: Equatable {
    let name: String
    /// Without its quotes; nil where the parameter stands alone.
    let value: String?
  }

  let name: String
  let parameters: [Parameter]

  /// The offers of all `Sec-WebSocket-Extensions` headers, in order; refuses (400) what is no list of extensions.
  static func parse(_ headers: [String]) throws(HandshakeRefusal) -> [ExtensionOffer] {
    var offers: [ExtensionOffer] = []
    for header in headers {
      var scanner = Scanner(rest: Array(header.utf8)[...])
      repeat {
        scanner.skipBlanks()
        // A list may have empty elements (RFC 9110 section 5.6.1.2).
        if scanner.isAtEnd || scanner.next == UInt8(ascii: ",") { continue }
        guard let offer = scanner.offer() else { throw .badRequest("Sec-WebSocket-Extensions is malformed.") }
        offers.append(offer)
      } while scanner.take(UInt8(ascii: ","))
      guard scanner.isAtEnd else { throw .badRequest("Sec-WebSocket-Extensions is malformed.") }
    }
    return offers
  }

  private struct Scanner {
    var rest: ArraySlice<UInt8>

    var isAtEnd: Bool { rest.isEmpty }
    var next: UInt8? { rest.first }

    mutating func skipBlanks() {
      rest = rest.drop { $0.isBlank }
    }

    mutating func take(_ byte: UInt8) -> Bool {
      skipBlanks()
      guard rest.first == byte else { return false }
      rest = rest.dropFirst()
      skipBlanks()
      return true
    }

    mutating func offer() -> ExtensionOffer? {
      guard let name = token() else { return nil }
      var parameters: [Parameter] = []
      while take(UInt8(ascii: ";")) {
        guard let name = token() else { return nil }
        var value: String?
        if take(UInt8(ascii: "=")) {
          value = rest.first == UInt8(ascii: "\"") ? quoted() : token()
          if value == nil { return nil }
        }
        parameters.append(Parameter(name: name, value: value))
      }
      return ExtensionOffer(name: name, parameters: parameters)
    }

    private mutating func token() -> String? {
      let token = rest.prefix { $0.isTokenCharacter }
      guard !token.isEmpty else { return nil }
      rest = rest.dropFirst(token.count)
      return String(decoding: token, as: UTF8.self)
    }

    /// A quoted string, whose content must be a token again (RFC 6455 section 9.1).
    private mutating func quoted() -> String? {
      rest = rest.dropFirst()
      var content: [UInt8] = []
      while let byte = rest.popFirst() {
        if byte == UInt8(ascii: "\"") {
          return content.isEmpty ? nil : String(decoding: content, as: UTF8.self)
        }
        let plain = byte == UInt8(ascii: "\\") ? rest.popFirst() : byte
        guard let plain, plain.isTokenCharacter else { return nil }
        content.append(plain)
      }
      return nil
    }
  }
}
