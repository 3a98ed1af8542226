/// A JSON Web Token in its compact form (RFC 7515 section 3.1): three base64url texts with dots between them.
package struct ClientToken: Equatable, Sendable {
  let text: String

  /// Throws where `text` cannot be one; a header would not bear every other text.
  init(_ text: String) throws(ApusClientError) {
    guard !text.isEmpty, text.utf8.allSatisfy(Self.isAllowed) else {
      throw ApusClientError(.invalid, "The token is not a JSON Web Token: it is empty or has an invalid character.")
    }
    self.text = text
  }

  private static func isAllowed(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
      true
    default: false
    }
  }
}
