/// What somebody may do in a channel.
package struct Capabilities: OptionSet, Hashable, Sendable {
  package let rawValue: UInt8

  package init(rawValue: UInt8) {
    self.rawValue = rawValue
  }

  package static let subscribe = Capabilities(rawValue: 1 << 0)
  package static let publish = Capabilities(rawValue: 1 << 1)
  package static let presence = Capabilities(rawValue: 1 << 2)
  package static let history = Capabilities(rawValue: 1 << 3)
  package static let signal = Capabilities(rawValue: 1 << 4)

  /// Each by its name in a token.
  package static let names: [(name: String, capability: Capabilities)] = [
    ("subscribe", .subscribe), ("publish", .publish), ("presence", .presence), ("history", .history),
    ("signal", .signal),
  ]

  /// The one capability of that name.
  package init?(name: String) {
    guard let known = Self.names.first(where: { $0.name == name }) else { return nil }
    self = known.capability
  }
}

/// What a token lets its holder do in the channels of a pattern.
package struct Grant: Equatable, Sendable {
  package var channels: ChannelPattern
  package var capabilities: Capabilities

  package init(_ channels: ChannelPattern, _ capabilities: Capabilities) {
    self.channels = channels
    self.capabilities = capabilities
  }
}
