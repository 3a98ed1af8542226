/// Who may publish or signal in the channels of a rule.
package enum PublishLevel: String, Sendable, CaseIterable {
  case anyone
  /// Whoever has said who they are.
  case authenticated
  /// Whoever is subscribed to the channel.
  case members
  /// No client, whatever its token says.
  case server
}

/// Who may subscribe to the channels of a rule.
package enum SubscribeLevel: String, Sendable, CaseIterable {
  case anyone
  case authenticated
  /// Only whose token names the channel.
  case token
}

/// Who may send to a user directly.
package enum DirectLevel: String, Sendable, CaseIterable {
  case server, authenticated, anyone
}
