import FoundationEssentials
import JWTKit
import Model

/// A key that tokens are verified with. The algorithm is the key's: a token may only agree with it.
struct VerificationKey: Sendable {
  /// Its `kid`; nil for a secret, a PEM file, and a JWK without one. Compared byte by byte (RFC 7515 section 4.1.4).
  let name: ExactString?
  let algorithm: SignatureAlgorithm
  let verifier: any JWTAlgorithm

  /// Whether that is the signature of those bytes. What is no signature at all counts as a wrong one.
  func verifies(_ signature: [UInt8], of bytes: some DataProtocol) -> Bool {
    (try? verifier.verify(signature, signs: bytes)) ?? false
  }
}

/// The keys of a node.
package struct TokenKeys: Sendable {
  private(set) var keys: [VerificationKey] = []

  package init() {}

  package var isEmpty: Bool { keys.isEmpty }

  /// One word for each: its algorithm and, where it has one, its name.
  package var descriptions: [String] {
    keys.map { key in key.algorithm.rawValue + (key.name.map { " (\($0))" } ?? "") }
  }

  mutating func add(_ key: VerificationKey) {
    keys.append(key)
  }

  package static func + (left: TokenKeys, right: TokenKeys) -> TokenKeys {
    var sum = left
    for key in right.keys { sum.add(key) }
    return sum
  }

  /// The keys that a token with this header may be signed by.
  ///
  /// A token that names a key means that one; where no key has a name, the name says nothing. A token that names none
  /// means the unnamed keys, or the only one there is for its algorithm.
  func candidates(for name: ExactString?, _ algorithm: SignatureAlgorithm) -> [VerificationKey] {
    let fitting = keys.filter { $0.algorithm == algorithm }
    let unnamed = fitting.filter { $0.name == nil }
    guard let name else { return unnamed.isEmpty && fitting.count == 1 ? fitting : unnamed }
    return keys.allSatisfy { $0.name == nil } ? unnamed : fitting.filter { $0.name == name }
  }
}
