import JWTKit
import Model

extension TokenKeys {
  /// The keys of a secret: it serves all three HMAC algorithms (RFC 7518 section 3.2).
  package static func secret(_ secret: String) async throws(TokenError) -> TokenKeys {
    try await hmac(Array(secret.utf8), name: nil, SignatureAlgorithm.allCases.filter(\.isHMAC))
  }

  static func hmac(
    _ secret: [UInt8], name: String?, _ algorithms: [SignatureAlgorithm]
  ) async throws(TokenError) -> TokenKeys {
    guard !secret.isEmpty else { throw TokenError("The secret is empty.") }
    let key = HMACKey(secret: secret)
    var keys = TokenKeys()
    for algorithm in algorithms {
      guard let digest = algorithm.digest else { continue }
      let verifier = try await taken { await $0.add(hmac: key, digestAlgorithm: digest) }
      keys.add(VerificationKey(name: name.map(ExactString.init), algorithm: algorithm, verifier: verifier))
    }
    return keys
  }

  /// The key of a PEM file: a public key of RSA (RS256), of the curve P-256 (ES256) or of Ed25519 (EdDSA).
  package static func pem(_ text: String) async throws(TokenError) -> TokenKeys {
    guard !text.contains("PRIVATE KEY-----") else {
      throw TokenError("It is a private key; a node needs only the public key: openssl pkey -in FILE -pubout")
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
      throw TokenError("It is not a public key in PEM for RSA (2,048 bits or more), P-256 or Ed25519.")
    }
    return keys
  }

  /// What a collection makes of the one key that `add` puts into it.
  static func taken(
    _ add: (JWTKeyCollection) async throws -> Void
  ) async throws(TokenError) -> any JWTAlgorithm {
    let collection = JWTKeyCollection()
    do {
      try await add(collection)
      return try await collection.getKey()
    } catch {
      throw TokenError("It is not a valid key of its type.")
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
