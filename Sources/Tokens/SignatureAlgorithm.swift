/// How a token may be signed: RFC 7518 section 3.1, RFC 8037. There is no `none` among them.
package enum SignatureAlgorithm: String, Sendable, CaseIterable {
  case hs256 = "HS256"
  case hs384 = "HS384"
  case hs512 = "HS512"
  case rs256 = "RS256"
  case es256 = "ES256"
  case edDSA = "EdDSA"
}
