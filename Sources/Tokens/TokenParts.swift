/// The three parts of a token in their compact form: RFC 7515 section 3.1.
struct TokenParts {
  let header: [UInt8]
  let payload: [UInt8]
  let signature: [UInt8]
  /// What the signature is of.
  let signed: ArraySlice<UInt8>

  init(_ token: String) throws(TokenFault) {
    guard token.utf8.count <= TokenVerifier.maxLength else {
      throw TokenFault("The token is longer than \(TokenVerifier.maxLength) bytes.")
    }
    let text = Array(token.utf8)
    let parts = text.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    guard parts.count == 3, let header = Base64URL.decode(parts[0]), let payload = Base64URL.decode(parts[1]),
      let signature = Base64URL.decode(parts[2])
    else { throw TokenFault("This is not a signed JWT, which is three parts in base64url.") }
    self.header = header
    self.payload = payload
    self.signature = signature
    signed = text[..<parts[1].endIndex]
  }
}
