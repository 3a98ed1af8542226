import Crypto
import JWTKit
import Model
import Testing
import Tokens

/// Tokens are read here by jwt-kit, as a node reads them.
@Suite struct TokenMintTests {
  private static let now: Int64 = 1_790_000_000

  private struct Claims: JWTPayload {
    let sub: String
    let iat: Int64
    let exp: Int64
    let iss: String?
    let aud: String?
    let info: [String: Int]?
    let channels: [String: [String]]?

    func verify(using algorithm: some JWTAlgorithm) throws {}
  }

  private func claims(of token: String, secret: String) async throws -> Claims {
    let padded = Array(secret.utf8) + [UInt8](repeating: 0, count: max(0, 64 - secret.utf8.count))
    let keys = await JWTKeyCollection().add(hmac: HMACKey(key: SymmetricKey(data: padded)), digestAlgorithm: .sha256)
    return try await keys.verify(token, as: Claims.self)
  }

  private func mint(
    _ secret: String, user: String = "alice", grants: [Grant]? = nil, info: String? = nil, issuer: String? = nil,
    audience: String? = nil
  ) async throws -> String {
    try await TokenMint(secret: secret, issuer: issuer, audience: audience).token(
      for: try #require(UserName(user)), grants: grants, info: info, from: Self.now, lasting: 3600)
  }

  /// From shorter than jwt-kit bears to longer than the block of the hash.
  @Test(arguments: [1, 31, 32, 63, 64, 65, 200])
  func aTokenHolds(_ length: Int) async throws {
    let secret = String(repeating: "k", count: length)
    let claims = try await claims(of: try await mint(secret), secret: secret)
    #expect(claims.sub == "alice")
    #expect(claims.iat == Self.now)
    #expect(claims.exp == Self.now + 3600)
    #expect(claims.channels == nil)
    #expect(claims.iss == nil)
  }

  @Test func aShortSecretIsNotChangedByItsPadding() async throws {
    let token = try await mint("short")
    let parts = token.split(separator: ".")
    let code = HMAC<SHA256>.authenticationCode(
      for: Array("\(parts[0]).\(parts[1])".utf8), using: SymmetricKey(data: Array("short".utf8)))
    #expect(parts[2] == base64url(Array(code)))
  }

  @Test func allThatATokenMaySay() async throws {
    let secret = String(repeating: "k", count: 32)
    let grants = try [
      Grant(text: "room:*=subscribe,publish"), Grant(text: "a=b=history"), Grant(text: "room:*=signal"),
    ]
    let token = try await mint(
      secret, user: "al\"ice\\", grants: grants, info: #"{"a":1}"#, issuer: "iss\"uer", audience: "apus")
    let claims = try await claims(of: token, secret: secret)
    #expect(claims.sub == "al\"ice\\")
    #expect(claims.iss == "iss\"uer")
    #expect(claims.aud == "apus")
    #expect(claims.info == ["a": 1])
    #expect(claims.channels == ["room:*": ["subscribe", "publish", "signal"], "a=b": ["history"]])
  }

  @Test func noGrantIsAnotherThingThanNone() async throws {
    let secret = String(repeating: "k", count: 32)
    #expect(try await claims(of: try await mint(secret, grants: []), secret: secret).channels == [:])
  }

  @Test(arguments: [
    "room", "=subscribe", "room=", "room=subscribe,", "room=write", "room=Subscribe", "room=subscribe publish",
  ])
  func whatIsNoGrant(_ text: String) {
    #expect(throws: TokenError.self) { try Grant(text: text) }
  }
}

/// Base64url without padding (RFC 7515 section 2).
func base64url(_ bytes: [UInt8]) -> String {
  let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
  var text = ""
  for start in stride(from: 0, to: bytes.count, by: 3) {
    let group = bytes[start..<min(start + 3, bytes.count)]
    let bits = group.reduce(0) { $0 << 8 | Int($1) } << (8 * (3 - group.count))
    for index in 0...group.count { text.append(alphabet[bits >> (18 - 6 * index) & 63]) }
  }
  return text
}
