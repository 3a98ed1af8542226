import Crypto
import JWTKit

/// A key that cannot be used, with what to do about it. Quotes nothing of the key.
package struct TokenKeyError: Error, CustomStringConvertible {
  package let description: String

  package init(_ description: String) {
    self.description = description
  }
}

extension TokenKeys {
  /// The keys of a secret: it serves all three HMAC algorithms (RFC 7518 section 3.2).
  package static func secret(_ secret: String) async throws(TokenKeyError) -> TokenKeys {
    try await hmac(Array(secret.utf8), name: nil, SignatureAlgorithm.allCases.filter(\.isHMAC))
  }

  static func hmac(
    _ secret: [UInt8], name: String?, _ algorithms: [SignatureAlgorithm]
  ) async throws(TokenKeyError) -> TokenKeys {
    guard !secret.isEmpty else { throw TokenKeyError("The secret is empty.") }
    // HMAC fills a short key up with zeros itself (RFC 2104 section 2); the library wants it as long as the hash.
    let key = HMACKey(from: secret + [UInt8](repeating: 0, count: max(0, 64 - secret.count)))
    var keys = TokenKeys()
    for algorithm in algorithms {
      guard let digest = algorithm.digest else { continue }
      let verifier = try await taken { await $0.add(hmac: key, digestAlgorithm: digest) }
      keys.add(VerificationKey(name: name, algorithm: algorithm, verifier: verifier))
    }
    return keys
  }

  /// The key of a PEM file: a public key of RSA (RS256), of the curve P-256 (ES256) or of Ed25519 (EdDSA).
  package static func pem(_ text: String) async throws(TokenKeyError) -> TokenKeys {
    guard !text.contains("PRIVATE KEY-----") else {
      throw TokenKeyError("It is a private key; a node needs the public one only: openssl pkey -in FILE -pubout")
    }
    var keys = TokenKeys()
    if let key = try? Insecure.RSA.PublicKey(pem: text) {
      let verifier = try await taken { await $0.add(rsa: key, digestAlgorithm: .sha256) }
      keys.add(VerificationKey(name: nil, algorithm: .rs256, verifier: verifier))
    } else if let key = try? ES256PublicKey(pem: text) {
      let verifier = try await taken { await $0.add(ecdsa: key) }
      keys.add(VerificationKey(name: nil, algorithm: .es256, verifier: verifier))
    } else if let key = try? EdDSA.PublicKey(pem: text) {
      let verifier = try await taken { await $0.add(eddsa: key) }
      keys.add(VerificationKey(name: nil, algorithm: .edDSA, verifier: verifier))
    } else {
      throw TokenKeyError("It is no public key of RSA (from 2,048 bits), of the curve P-256 or of Ed25519 in PEM.")
    }
    return keys
  }

  /// What a collection makes of the one key that `add` puts into it.
  static func taken(
    _ add: (JWTKeyCollection) async throws -> Void
  ) async throws(TokenKeyError) -> any JWTAlgorithm {
    let collection = JWTKeyCollection()
    do {
      try await add(collection)
      return try await collection.getKey()
    } catch {
      throw TokenKeyError("It is no key of its kind.")
    }
  }
}

extension SignatureAlgorithm {
  var isHMAC: Bool { digest != nil }

  fileprivate var digest: DigestAlgorithm? {
    switch self {
    case .hs256: .sha256
    case .hs384: .sha384
    case .hs512: .sha512
    case .rs256, .es256, .edDSA: nil
    }
  }
}
