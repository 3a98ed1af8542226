/// What happens to a message for a client whose outbox is full.
package enum OverflowPolicy: String, Sendable, CaseIterable {
  /// The client is closed with 4009: it can come back and knows that it has missed something.
  case disconnect
  /// The message is left out for this client.
  case drop
  /// Only the channel's newest message waits for this client.
  case conflate
}

/// How the channels of a pattern behave.
package struct ChannelRule: Equatable, Sendable {
  package var match: ChannelPattern
  package var overflow: OverflowPolicy

  package init(match: ChannelPattern, overflow: OverflowPolicy = .disconnect) {
    self.match = match
    self.overflow = overflow
  }
}

/// The rules for channels, of which the first that matches counts.
package struct ChannelRules: Equatable, Sendable {
  package var rules: [ChannelRule]

  package init(_ rules: [ChannelRule] = []) {
    self.rules = rules
  }

  package func rule(for channel: ChannelName) -> ChannelRule? {
    rules.first { $0.match.matches(channel) }
  }

  package func overflow(of channel: ChannelName) -> OverflowPolicy {
    rule(for: channel)?.overflow ?? .disconnect
  }
}
