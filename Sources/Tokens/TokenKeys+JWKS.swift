import JSON
import JWTKit
import Model

extension TokenKeys {
  /// The keys of a JWK set (RFC 7517), and a sentence on each that cannot be used: the others can.
  ///
  /// A key without `alg` is not used: which algorithm it is for would be left to the token.
  package static func jwks(_ text: String) async throws(TokenError) -> (keys: TokenKeys, unused: [String]) {
    guard let set = JSONObject(text), let entries = set.objects("keys") else {
      throw TokenError("It is not a JWK set, which is an object with a list `keys` of objects.")
    }
    var (keys, unused) = (TokenKeys(), [String]())
    for (index, entry) in entries.enumerated() {
      let label = entry.string("kid").map { "The key \($0)" } ?? "The key number \(index + 1)"
      do throws(TokenError) {
        keys = keys + (try await key(of: entry))
      } catch {
        unused.append("\(label) is not used: \(error.description)")
      }
    }
    return (keys, unused)
  }

  private static func key(of entry: JSONObject) async throws(TokenError) -> TokenKeys {
    guard entry.isUnambiguous else { throw TokenError("a member occurs twice.") }
    guard entry.kind("use") == nil || entry.string("use") == "sig" else { throw TokenError("its `use` is not sig.") }
    guard entry.kind("key_ops") == nil || entry.strings("key_ops")?.contains("verify") == true else {
      throw TokenError("its `key_ops` do not include verify.")
    }
    guard entry.kind("kid") == nil || entry.kind("kid") == .string else {
      throw TokenError("its `kid` is not a string.")
    }
    guard let name = entry.string("alg") else { throw TokenError("it has no `alg`.") }
    guard let algorithm = SignatureAlgorithm(rawValue: name) else {
      let known = SignatureAlgorithm.allCases.map(\.rawValue).joined(separator: ", ")
      throw TokenError("its `alg` is not one of \(known).")
    }
    let kid = entry.string("kid")
    if algorithm.isHMAC { return try await secret(of: entry, kid, algorithm) }
    guard let jwk = try? JWK(json: entry.text) else { throw TokenError("it is not a JWK.") }
    var named = jwk
    // The library stores keys by their names; only ours is ever looked up.
    named.keyIdentifier = kid.map(JWKIdentifier.init(string:)) ?? "unnamed"
    let verifier = try await taken { [named] in try await $0.add(jwk: named) }
    guard verifier.name == algorithm.rawValue else { throw TokenError("its `kty` does not match its `alg`.") }
    var keys = TokenKeys()
    keys.add(VerificationKey(name: kid.map(ExactString.init), algorithm: algorithm, verifier: verifier))
    return keys
  }

  private static func secret(
    of entry: JSONObject, _ kid: String?, _ algorithm: SignatureAlgorithm
  ) async throws(TokenError) -> TokenKeys {
    guard entry.string("kty") == "oct" else { throw TokenError("its `kty` does not match its `alg`.") }
    guard let k = entry.string("k"), let secret = Base64URL.decode(k.utf8) else {
      throw TokenError("its `k` is not base64url.")
    }
    return try await hmac(secret, name: kid, [algorithm])
  }
}
