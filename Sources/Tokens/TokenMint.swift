import FoundationEssentials
import JSON
import JWTKit
import Model

/// Makes tokens that a node with the same secret accepts: JWTs by HS256 (RFC 7519).
package struct TokenMint: Sendable {
  private let secret: [UInt8]
  private let issuer: String?
  private let audience: String?

  package init(secret: String, issuer: String?, audience: String?) {
    self.secret = Array(secret.utf8)
    self.issuer = issuer
    self.audience = audience
  }

  /// A token of the user for that many seconds from `now` on, in seconds since 1970.
  ///
  /// Without `grants` the rules of the channels decide what its holder may do. `info` is JSON text, and stands in the
  /// token as it is.
  package func token(
    for user: UserName, grants: [Grant]?, info: String?, from now: Int64, lasting seconds: Int64
  ) async throws -> String {
    var claims = ByteWriter()
    claims.append(literal: #"{"sub":"#)
    claims.append(quoting: user.string)
    claims.append(literal: #","iat":"#)
    claims.append(Int(now))
    claims.append(literal: #","exp":"#)
    claims.append(Int(now + seconds))
    if let issuer {
      claims.append(literal: #","iss":"#)
      claims.append(quoting: issuer)
    }
    if let audience {
      claims.append(literal: #","aud":"#)
      claims.append(quoting: audience)
    }
    if let info {
      claims.append(literal: #","info":"#)
      claims.append(utf8: info)
    }
    if let grants { claims.append(grants: grants) }
    claims.append(literal: "}")
    return try await sign(Claims(json: claims.bytes))
  }

  private func sign(_ claims: Claims) async throws -> String {
    let keys = await JWTKeyCollection().add(
      hmac: HMACKey(secret: secret), digestAlgorithm: .sha256,
      serializer: DefaultJWTSerializer(jsonEncoder: ClaimsEncoder()))
    return try await keys.sign(claims)
  }
}

/// Claims that are JSON already.
private struct Claims: JWTPayload {
  let json: [UInt8]

  func verify(using algorithm: some JWTAlgorithm) throws {}
}

/// Leaves claims as they are, so that `info` is what was given to the last digit.
private struct ClaimsEncoder: JWTJSONEncoder {
  func encode<Value: Encodable>(_ value: Value) throws -> Data {
    if let claims = value as? Claims { return Data(claims.json) }
    let encoder = JSONEncoder()
    // Else the header's members would stand in another order each time.
    encoder.outputFormatting = .sortedKeys
    return try encoder.encode(value)
  }
}

extension ByteWriter {
  /// What several grants give for one pattern stands together: a member that is there twice would count once.
  fileprivate mutating func append(grants: [Grant]) {
    var merged: [Grant] = []
    for grant in grants {
      if let index = merged.firstIndex(where: { $0.channels == grant.channels }) {
        merged[index].capabilities.formUnion(grant.capabilities)
      } else {
        merged.append(grant)
      }
    }
    append(literal: #","channels":{"#)
    for (index, grant) in merged.enumerated() {
      if index > 0 { append(literal: ",") }
      append(quoting: grant.channels.text)
      append(literal: ":[")
      let names = Capabilities.names.filter { grant.capabilities.contains($0.capability) }.map { "\"\($0.name)\"" }
      append(utf8: names.joined(separator: ","))
      append(literal: "]")
    }
    append(literal: "}")
  }
}

extension Grant {
  /// Reads `room:*=subscribe,publish`; throws a sentence that says what is wrong.
  package init(text: String) throws(TokenError) {
    let names = Capabilities.names.map(\.name).joined(separator: ", ")
    // The last one, so that a channel may have a '=' in its name.
    guard let sign = text.lastIndex(of: "="), let channels = ChannelPattern(String(text[..<sign])) else {
      throw TokenError("'\(text)' is not a grant such as 'room:*=subscribe,publish'.")
    }
    var capabilities: Capabilities = []
    for name in text[text.index(after: sign)...].split(separator: ",", omittingEmptySubsequences: false) {
      guard let capability = Capabilities(name: String(name)) else {
        throw TokenError("'\(name)' is not a capability; the capabilities are \(names).")
      }
      capabilities.formUnion(capability)
    }
    self.init(channels, capabilities)
  }
}
