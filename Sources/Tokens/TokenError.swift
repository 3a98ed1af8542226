/// What is wrong with a token or a key, or with what one is to be made of, in a sentence that quotes nothing of a secret.
package struct TokenError: Error, Equatable, Sendable, CustomStringConvertible {
  package let description: String

  package init(_ description: String) {
    self.description = description
  }
}
