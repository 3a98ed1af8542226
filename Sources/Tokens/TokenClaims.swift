import JSON
import Model

/// What a token says: RFC 7519 section 4, and `info` and `channels` of our own. Read only from a token that is verified.
struct TokenClaims {
  /// The end of the year 9999: what is later counts as that.
  private static let lastMoment = 253_402_300_799.0

  let user: UserName
  /// Seconds since 1970.
  let expires: Int64
  /// Seconds since 1970; nil where the token counts from the start.
  let notBefore: Double?
  let audiences: [String]
  let issuer: String?
  let info: String?
  let grants: [Grant]?

  init(_ bytes: [UInt8]) throws(TokenFault) {
    guard let text = String(validating: bytes, as: UTF8.self), let claims = JSONObject(text) else {
      throw TokenFault("The token claims are not a JSON object.")
    }
    guard claims.isUnambiguous else { throw TokenFault("A claim of the token occurs twice.") }
    let user = try Self.user(claims)
    guard let expires = claims.number("exp") else {
      throw TokenFault("The claim exp must be a number: seconds since 1970.")
    }
    self.user = user
    self.expires = Int64(min(max(expires, 0), Self.lastMoment).rounded(.down))
    notBefore = try Self.optional("nbf", .number, claims) { claims.number("nbf") }
    issuer = try Self.optional("iss", .string, claims) { claims.string("iss") }
    audiences = try Self.audiences(claims)
    info = try Self.info(claims)
    grants = try Self.grants(claims)
  }

  /// Whose token it is.
  static func user(_ claims: JSONObject) throws(TokenFault) -> UserName {
    guard let user = claims.string("sub").flatMap(UserName.init) else {
      throw TokenFault(
        "The claim sub must be a string of 1 to \(UserName.maxLength) bytes without control characters.")
    }
    return user
  }

  private static func optional<Value>(
    _ name: String, _ kind: JSONKind, _ claims: JSONObject, _ read: () -> Value?
  ) throws(TokenFault) -> Value? {
    guard claims.kind(name) != nil else { return nil }
    guard claims.kind(name) == kind, let value = read() else {
      throw TokenFault("The claim \(name) has the wrong type.")
    }
    return value
  }

  private static func audiences(_ claims: JSONObject) throws(TokenFault) -> [String] {
    guard claims.kind("aud") != nil else { return [] }
    if let audience = claims.string("aud") { return [audience] }
    guard let audiences = claims.strings("aud") else { throw TokenFault("The claim aud has the wrong type.") }
    return audiences
  }

  private static func info(_ claims: JSONObject) throws(TokenFault) -> String? {
    guard let info = claims.json("info") else { return nil }
    guard info.utf8.count <= MemberConnection.maxInfoLength else {
      throw TokenFault("The claim info is longer than \(MemberConnection.maxInfoLength) bytes.")
    }
    return info
  }

  private static func grants(_ claims: JSONObject) throws(TokenFault) -> [Grant]? {
    guard claims.kind("channels") != nil else { return nil }
    guard let channels = claims.object("channels") else { throw TokenFault("The claim channels is not an object.") }
    guard channels.isUnambiguous else { throw TokenFault("A pattern in the claim channels occurs twice.") }
    var grants: [Grant] = []
    for name in channels.names {
      guard let pattern = ChannelPattern(name), let words = channels.strings(name) else {
        throw TokenFault("The claim channels must have a list of capabilities for each pattern.")
      }
      var capabilities: Capabilities = []
      for word in words {
        guard let capability = Capabilities(name: word) else {
          let known = Capabilities.names.map(\.name).joined(separator: ", ")
          throw TokenFault("A capability in the claim channels is not one of \(known).")
        }
        capabilities.formUnion(capability)
      }
      grants.append(Grant(pattern, capabilities))
    }
    return grants
  }
}
