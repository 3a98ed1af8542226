import JWTKit

extension HMACKey {
  /// The block of SHA-256, and as long as the longest hash that is used here, in bytes.
  private static let block = 64

  /// The key of a secret of any length: jwt-kit asserts that a key is as long as the hash. HMAC itself fills a shorter one
  /// up with zeros to a block (RFC 2104 section 2), so the signature is the same.
  init(secret: [UInt8]) {
    self.init(from: secret + [UInt8](repeating: 0, count: max(0, Self.block - secret.count)))
  }
}
