import Locks
import Model

/// Verifies tokens (RFC 7515, RFC 7519) by the keys of a node, which may be changed while it runs.
package final class TokenVerifier: TokenAuthority {
  /// The longest token, in bytes.
  package static let maxLength = 8192

  /// What a token must say besides being signed.
  package struct Expectations: Sendable {
    /// One of its `aud`; nil where it does not matter.
    package var audience: String?
    /// Its `iss`; nil where it does not matter.
    package var issuer: String?

    package init(audience: String? = nil, issuer: String? = nil) {
      self.audience = audience
      self.issuer = issuer
    }
  }

  private let keys: Lock<TokenKeys>
  private let expectations: Expectations

  package init(_ keys: TokenKeys, _ expectations: Expectations = Expectations()) {
    self.keys = Lock(keys)
    self.expectations = expectations
  }

  /// These are the keys from now on; tokens that were accepted stay so.
  package func replace(_ keys: TokenKeys) {
    self.keys.withLock { $0 = keys }
  }

  package func verify(_ token: String, wall: Int64) -> Result<Identity, Refusal> {
    do throws(TokenFault) {
      return .success(try verify(token, wall: wall))
    } catch {
      return .failure(error.refusal)
    }
  }

  private func verify(_ token: String, wall: Int64) throws(TokenFault) -> Identity {
    let parts = try TokenParts(token)
    let head = try TokenHeader(parts.header)
    let candidates = keys.withLock { $0 }.candidates(for: head.keyName, head.algorithm)
    guard !candidates.isEmpty else { throw TokenFault("This node has no key for the token's algorithm and kid.") }
    guard candidates.contains(where: { $0.verifies(parts.signature, of: parts.signed) }) else {
      throw TokenFault("The token signature is wrong.")
    }
    return try identity(TokenClaims(parts.payload), wall: wall)
  }

  private func identity(_ claims: TokenClaims, wall: Int64) throws(TokenFault) -> Identity {
    if let audience = expectations.audience, !claims.audiences.contains(where: { audience.utf8.elementsEqual($0.utf8) })
    {
      throw TokenFault("The token is not for this audience.")
    }
    if let issuer = expectations.issuer, claims.issuer.map({ issuer.utf8.elementsEqual($0.utf8) }) != true {
      throw TokenFault("The token is not from this issuer.")
    }
    let identity = Identity(user: claims.user, info: claims.info, grants: claims.grants, expires: claims.expires)
    if let deadline = identity.deadline, wall >= deadline { throw .expired }
    if let notBefore = claims.notBefore, notBefore > Double(wall) / 1000 + Double(Identity.leeway) {
      throw TokenFault("The token is not valid yet.")
    }
    return identity
  }
}
