import Model
import TestSupport
import Testing

@testable import Tokens

/// The verifier with secrets; the table of docs/security.md has it with every kind of key, from outside.
@Suite struct TokenVerifierTests {
  private static let secret = "a secret of more than thirty-two bytes"
  private static let now: Int64 = 1_790_000_000

  private func verifier(
    _ secret: String = Self.secret, _ expectations: TokenVerifier.Expectations = .init()
  ) async throws -> TokenVerifier {
    TokenVerifier(try await TokenKeys.secret(secret), expectations)
  }

  private func token(_ user: String = "alice", info: String? = nil) async throws -> String {
    try await TokenMint(secret: Self.secret, issuer: nil, audience: "apus").token(
      for: try #require(UserName(user)), grants: [Grant(.all, [.subscribe, .publish])], info: info, from: Self.now,
      lasting: 60)
  }

  private func verify(
    _ verifier: TokenVerifier, _ token: String, at seconds: Int64 = Self.now
  ) -> Result<Identity, Refusal> {
    verifier.verify(token, wall: seconds * 1000)
  }

  @Test func whatATokenSays() async throws {
    let identity = try verify(try await verifier(), try await token(info: #"{"a": 1}"#)).get()
    #expect(identity.user.string == "alice")
    #expect(identity.info == #"{"a": 1}"#)
    #expect(identity.grants == [Grant(.all, [.subscribe, .publish])])
    #expect(identity.expires == Self.now + 60)
  }

  @Test func whenATokenCounts() async throws {
    let (verifier, token) = (try await verifier(), try await token())
    for seconds in [Self.now - 1_000_000, Self.now, Self.now + 89] {
      #expect((try? verify(verifier, token, at: seconds).get()) != nil, "at \(seconds)")
    }
    for seconds in [Self.now + 90, Self.now + 1_000_000] {
      guard case .failure(let refusal) = verify(verifier, token, at: seconds) else {
        Issue.record("accepted at \(seconds)")
        continue
      }
      #expect(refusal.code == .expiredToken)
    }
  }

  @Test func anotherSecretVerifiesNothing() async throws {
    guard case .failure(let refusal) = verify(try await verifier("another"), try await token()) else {
      Issue.record("accepted")
      return
    }
    #expect(refusal.code == .invalidToken)
    #expect(refusal.retryAfter == nil)
  }

  @Test func newKeysTakeThePlaceOfTheOldOnes() async throws {
    let (verifier, token) = (try await verifier(), try await token())
    verifier.replace(try await TokenKeys.secret("another"))
    #expect((try? verify(verifier, token).get()) == nil)
    verifier.replace(try await TokenKeys.secret(Self.secret))
    #expect((try? verify(verifier, token).get()) != nil)
    verifier.replace(TokenKeys())
    #expect((try? verify(verifier, token).get()) == nil)
  }

  /// RFC 7515 section 4.1.4: a name is a case-sensitive string, and no other that only looks the same.
  @Test func aKeysNameIsComparedByteByByte() async throws {
    let (composed, decomposed) = ("\u{E9}", "e\u{301}")
    let key = #"{"kty":"oct","alg":"HS256","k":"c2VjcmV0","kid":"\#(composed)"}"#
    let (keys, unused) = try await TokenKeys.jwks(#"{"keys":[\#(key)]}"#)
    #expect(unused.isEmpty)
    for (name, count) in [(composed, 1), (decomposed, 0)] {
      let header = try TokenHeader(Array(#"{"alg":"HS256","kid":"\#(name)"}"#.utf8))
      #expect(keys.candidates(for: header.keyName, header.algorithm).count == count, "\(Array(name.utf8))")
    }
  }

  @Test func forWhomAndByWhom() async throws {
    let token = try await token()
    #expect((try? verify(try await verifier(Self.secret, .init(audience: "apus")), token).get()) != nil)
    #expect((try? verify(try await verifier(Self.secret, .init(audience: "Apus")), token).get()) == nil)
    #expect((try? verify(try await verifier(Self.secret, .init(issuer: "apus")), token).get()) == nil)
  }

  /// Whatever is changed in a token, nobody is let in by it, and nothing falls over.
  @Test(arguments: UInt64(0)..<4)
  func aTokenThatWasChangedIsNone(_ seed: UInt64) async throws {
    var generator = SplitMix64(seed: seed)
    let verifier = try await verifier()
    let good = Array(try await token().utf8)
    let alphabet = Array("abcXYZ019-_.=+/ {}\"\u{0}\u{7F}é".utf8)
    for _ in 0..<3000 {
      var bytes = good
      for _ in 0...Int.random(in: 0..<3, using: &generator) {
        let position = Int.random(in: 0..<bytes.count, using: &generator)
        let byte = alphabet[Int.random(in: 0..<alphabet.count, using: &generator)]
        switch Int.random(in: 0..<4, using: &generator) {
        case 0: bytes.remove(at: position)
        case 1: bytes.insert(byte, at: position)
        case 2: bytes[position] = byte
        default: bytes.swapAt(position, Int.random(in: 0..<bytes.count, using: &generator))
        }
      }
      let decision = verify(verifier, String(decoding: bytes, as: UTF8.self))
      #expect((try? decision.get()) == nil || bytes == good)
    }
  }

  @Test func theTokenStandsInNoRefusal() async throws {
    let verifier = try await verifier()
    for token in ["a.b.c", String(repeating: "secret", count: 2000), "secret", try await token() + "secret"] {
      guard case .failure(let refusal) = verify(verifier, token) else {
        Issue.record("accepted")
        continue
      }
      #expect(!refusal.message.contains("secret"))
    }
  }
}
