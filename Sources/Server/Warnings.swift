import Model

/// What a client is told of what it says of itself and is not believed, or believed too easily: in development, or by a
/// mistake that would otherwise only show in what it may not do.
struct Warnings: OptionSet, Sendable {
  let rawValue: UInt8

  static let unverifiedToken = Warnings(rawValue: 1)
  static let ignoredToken = Warnings(rawValue: 2)
  static let ignoredUser = Warnings(rawValue: 4)
  /// The same, beside a token.
  static let ignoredUserForToken = Warnings(rawValue: 8)

  init(rawValue: UInt8) {
    self.rawValue = rawValue
  }

  init(of identity: Identity?) {
    self = identity?.isUnverified == true ? .unverifiedToken : []
  }

  private static let sentences: [(warning: Warnings, text: String)] = [
    (unverifiedToken, "This node runs with --dev: the token was not verified."),
    (ignoredToken, "The token is ignored: this node has no key to verify it with."),
    (ignoredUser, "?user= is ignored: it works only on a node that runs with --dev."),
    (ignoredUserForToken, "?user= is ignored: the token says who you are."),
  ]

  /// Its sentences; nil without one.
  var text: String? {
    isEmpty ? nil : Self.sentences.filter { contains($0.warning) }.map(\.text).joined(separator: " ")
  }
}
