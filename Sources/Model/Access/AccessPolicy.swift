/// Who may do what: the rules for channels and what a token grants, put together.
extension ChannelRule {
  /// What is missing for that in the channel, as a sentence for whoever asked; nil when nothing is.
  ///
  /// A token's grants take the place of the rule's levels, except where only the server may; what the rule switches off
  /// (presence) is off for everybody. `isSubscribed` tells whether the connection is in the channel.
  package func denial(
    of capability: Capabilities, in channel: ChannelName, to identity: Identity?, isSubscribed: Bool
  ) -> String? {
    if capability == .presence, !hasPresence { return "There is no presence in \(channel)." }
    if level(for: capability) == .server { return "Only the server may \(capability.verb) \(channel)." }
    if let granted = identity?.capabilities(in: channel) {
      if granted.isSuperset(of: capability) { return nil }
      return "Your token does not grant \(capability.name) in \(channel)."
    }
    switch level(for: capability) {
    case .anyone, .server: return nil
    case .authenticated:
      return identity == nil ? "To \(capability.verb) \(channel) you must authenticate with a token." : nil
    case .members: return isSubscribed ? nil : "To \(capability.verb) \(channel) you must subscribe to it first."
    case .token: return "To \(capability.verb) \(channel) you need a token that grants \(capability.name) there."
    }
  }

  private enum Level {
    case anyone, authenticated, members, token, server

    init(_ level: PublishLevel) {
      switch level {
      case .anyone: self = .anyone
      case .authenticated: self = .authenticated
      case .members: self = .members
      case .server: self = .server
      }
    }

    init(_ level: SubscribeLevel) {
      switch level {
      case .anyone: self = .anyone
      case .authenticated: self = .authenticated
      case .token: self = .token
      }
    }
  }

  /// Who may read a channel's presence and past is who may listen to it.
  private func level(for capability: Capabilities) -> Level {
    switch capability {
    case .publish: Level(publish)
    case .signal: Level(signal)
    default: Level(subscribe)
    }
  }
}

extension Capabilities {
  fileprivate var name: String {
    Self.names.first { $0.capability == self }?.name ?? "this"
  }

  fileprivate var verb: String {
    switch self {
    case .publish: "publish to"
    case .signal: "signal in"
    case .presence: "see the presence in"
    case .history: "read the history of"
    default: "subscribe to"
    }
  }
}
