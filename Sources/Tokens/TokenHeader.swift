import JSON
import Model

/// Why a token is not accepted, in a sentence that quotes nothing of it.
struct TokenFault: Error, Equatable {
  var isExpired = false
  let message: String

  init(_ message: String) {
    self.message = message
  }

  static let expired: TokenFault = {
    var fault = TokenFault("The token has expired.")
    fault.isExpired = true
    return fault
  }()

  var refusal: Refusal {
    Refusal(isExpired ? .expiredToken : .invalidToken, message)
  }
}

/// The JOSE header of a token: RFC 7515 section 4. What it says of keys other than their name is not looked at.
struct TokenHeader: Equatable {
  let algorithm: SignatureAlgorithm
  let keyName: ExactString?

  init(_ bytes: [UInt8]) throws(TokenFault) {
    guard let text = String(validating: bytes, as: UTF8.self), let header = JSONObject(text) else {
      throw TokenFault("The token header is not a JSON object.")
    }
    guard header.isUnambiguous else { throw TokenFault("A member of the token header occurs twice.") }
    guard let algorithm = header.string("alg").flatMap(SignatureAlgorithm.init) else {
      throw TokenFault("This node does not accept the token's algorithm.")
    }
    guard header.kind("kid") == nil || header.kind("kid") == .string else {
      throw TokenFault("The token's kid is not a string.")
    }
    // What a sender marks as critical has to be understood (section 4.1.11), and nothing of the kind is.
    guard header.kind("crit") == nil else { throw TokenFault("The token requires extensions that are not supported.") }
    self.algorithm = algorithm
    keyName = header.string("kid").map(ExactString.init)
  }
}
