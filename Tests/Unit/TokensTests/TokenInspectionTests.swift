import Model
import Testing
import Tokens

@Suite struct TokenInspectionTests {
  private static let now: Int64 = 1_790_000_000

  private func lines(_ claims: String, header: String = #"{"alg":"HS256"}"#) throws -> [String] {
    try TokenInspection(token(claims, header: header)).lines(at: Self.now)
  }

  private func token(_ claims: String, header: String = #"{"alg":"HS256"}"#) -> String {
    "\(base64url(Array(header.utf8))).\(base64url(Array(claims.utf8))).\(base64url([1, 2, 3]))"
  }

  @Test func aTokenOfOurOwn() async throws {
    let token = try await TokenMint(secret: "secret", issuer: nil, audience: "apus").token(
      for: try #require(UserName("alice")), grants: [Grant(text: "room:*=subscribe,publish")], info: #"{"a":1.0}"#,
      from: Self.now - 7200, lasting: 3600)
    #expect(
      try TokenInspection(token).lines(at: Self.now) == [
        #"header    {"alg":"HS256","typ":"JWT"}"#, "sub       alice",
        "iat       1789992800, 2026-09-21T12:13:20Z: issued 2 hours ago",
        "exp       1789996400, 2026-09-21T13:13:20Z: expired 1 hour ago", "aud       apus",
        #"info      {"a":1.0}"#, "channel   room:*  subscribe, publish",
      ])
  }

  @Test(arguments: [
    (#"{"exp":1790000001}"#, "expires in 1 second"), (#"{"exp":1790000000}"#, "expired now"),
    (#"{"exp":1789999820}"#, "expired 3 minutes ago"), (#"{"nbf":1790172800}"#, "not valid before in 2 days"),
    (#"{"nbf":1789999999}"#, "valid since 1 second ago"), (#"{"exp":9223372036854775807}"#, "expires in"),
    (#"{"exp":-9223372036854775808}"#, "expired ages ago"), (#"{"exp":1e9}"#, "1e9"), (#"{"exp":"soon"}"#, "soon"),
    (#"{"channels":{}}"#, "grants nothing"), (#"{"channels":[1]}"#, "[1]"),
    (#"{"sub":1,"sub":2}"#, "sub occurs twice"),
    (#"{"sub":"\u001b[2J"}"#, #"\u{1b}[2J"#), ("{}", "header"), ("{\"info\":{\"a\":\"\u{9b}31m\"}}", #"\u{9b}31m"#),
    ("{\"info\":{\n\"decision\":1}}", #"{\u{a}"decision""#),
  ])
  func claims(_ claims: String, _ expected: String) throws {
    let lines = try lines(claims)
    #expect(lines.contains { $0.contains(expected) }, "\(lines)")
    #expect(!lines.contains { $0.contains("\u{1b}") })
  }

  @Test(arguments: [
    "", "a", "a.b", "a.b.c.d", "..", "e30.e30.", "e30.e30.!", "e30=.e30.AAAA", "e30.e31.AAAA", "e30.W10.AAAA",
    "W10.e30.AAAA", "e30.e30.A", "e30.e30.AB", "e30.e3+.AAAA", "e30._w.AAAA", "e30 .e30.AAAA", "e30.e30.AAAA\n",
  ])
  func whatIsNoToken(_ text: String) {
    #expect(throws: TokenError.self) { try TokenInspection(text) }
  }

  @Test func theLeastToken() throws {
    #expect(try TokenInspection("e30.e30.AAAA").lines(at: Self.now) == ["header    {}"])
  }
}
