import Model
import Testing

@testable import Tokens

/// Tokens on a node in development without a key.
@Suite struct UnverifiedTokensTests {
  private func part(_ text: String) -> String {
    let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
    var (bits, count, encoded) = (0, 0, "")
    for byte in text.utf8 {
      bits = (bits << 8 | Int(byte)) & 0xFFFF
      count += 8
      while count >= 6 {
        count -= 6
        encoded.append(alphabet[bits >> count & 63])
      }
    }
    if count > 0 { encoded.append(alphabet[bits << (6 - count) & 63]) }
    return encoded
  }

  private func verify(_ header: String, _ claims: String, _ signature: String = "xxxx") -> Result<Identity, Refusal> {
    UnverifiedTokens().verify("\(part(header)).\(part(claims)).\(signature)", wall: 1_790_000_000_000)
  }

  @Test(arguments: [
    #"{"sub":"alice"}"#, #"{"sub":"alice","exp":1}"#, #"{"sub":"alice","exp":"never","nbf":[],"aud":7}"#,
    #"{"channels":{"*":["dance"]},"info":{"a":1},"sub":"alice"}"#,
  ])
  func onlyTheUserIsRead(_ claims: String) throws {
    for header in [#"{"alg":"HS256","typ":"JWT"}"#, #"{"alg":"none"}"#, "{}"] {
      let identity = try verify(header, claims).get()
      #expect(identity.user.string == "alice" && identity.isUnverified)
      #expect(identity.info == nil && identity.grants == nil && identity.expires == nil)
    }
  }

  @Test func aSignatureMayBeEmpty() throws {
    #expect(try verify("{}", #"{"sub":"alice"}"#, "").get().user.string == "alice")
  }

  @Test(arguments: [
    ("", #"{"sub":"a"}"#), ("[]", #"{"sub":"a"}"#), ("{", #"{"sub":"a"}"#), ("{}", ""), ("{}", "{}"), ("{}", "[]"),
    ("{}", #"{"sub":7}"#), ("{}", #"{"sub":""}"#), ("{}", #"{"sub":"a\u0000"}"#), ("{}", #"{"sub":"a""#),
  ])
  func aBadFormIsInvalid(_ header: String, _ claims: String) {
    guard case .failure(let refusal) = verify(header, claims) else {
      Issue.record("accepted")
      return
    }
    #expect(refusal.code == .invalidToken)
  }

  @Test(arguments: ["", "a", "alice", "a.b", "a.b.c.d", "e30.e30", "e30.e30.?", "e30=.e30.x"])
  func threePartsOfBase64(_ token: String) {
    guard case .failure(let refusal) = UnverifiedTokens().verify(token, wall: 0) else {
      Issue.record("accepted")
      return
    }
    #expect(refusal.code == .invalidToken)
  }

  @Test func aVerifiedTokenSaysSo() async throws {
    let secret = "a secret of more than thirty-two bytes"
    let token = try await TokenMint(secret: secret, issuer: nil, audience: nil).token(
      for: try #require(UserName("alice")), grants: [], info: nil, from: 1_790_000_000, lasting: 60)
    let verifier = TokenVerifier(try await TokenKeys.secret(secret))
    #expect(try verifier.verify(token, wall: 1_790_000_000_000).get().isUnverified == false)
    #expect(try UnverifiedTokens().verify(token, wall: 0).get().user.string == "alice")
  }
}
