/// What happens to a message for a client whose outbox is full.
package enum OverflowPolicy: String, Sendable, CaseIterable {
  /// The client is closed with 4009: it can come back and knows that it has missed something.
  case disconnect
  /// The message is left out for this client.
  case drop
  /// Only the channel's newest message waits for this client.
  case conflate
}

/// How much of a channel's past is kept.
package struct HistoryRule: Equatable, Sendable {
  /// Messages.
  package var size: Int
  /// Milliseconds after the last message.
  package var timeToLive: Int64

  package init(size: Int, timeToLive: Int64) {
    self.size = size
    self.timeToLive = timeToLive
  }
}

/// How the channels of a pattern behave, and who may do what in them.
package struct ChannelRule: Equatable, Sendable {
  package var match: ChannelPattern
  package var publish: PublishLevel
  package var subscribe: SubscribeLevel
  package var signal: PublishLevel
  /// Whether the channels have presence at all.
  package var hasPresence = true
  /// Nil where no history is kept.
  package var history: HistoryRule?
  /// Whether who subscribes gets the newest message.
  package var sendsLast = false
  package var overflow = OverflowPolicy.disconnect

  package init(match: ChannelPattern, publish: PublishLevel, subscribe: SubscribeLevel, signal: PublishLevel) {
    self.match = match
    self.publish = publish
    self.subscribe = subscribe
    self.signal = signal
  }

  /// The rule for those channels with nothing said but whether it takes to be known.
  package static func standard(_ match: ChannelPattern, isOpen: Bool) -> ChannelRule {
    ChannelRule(
      match: match, publish: isOpen ? .anyone : .authenticated, subscribe: isOpen ? .anyone : .authenticated,
      signal: isOpen ? .anyone : .authenticated)
  }
}

/// The rules for channels, of which the first that matches counts; what none matches is forbidden.
package struct ChannelRules: Equatable, Sendable {
  package var rules: [ChannelRule]
  package var direct: DirectLevel

  package init(_ rules: [ChannelRule], direct: DirectLevel = .server) {
    self.rules = rules
    self.direct = direct
  }

  /// The rules where there is no file: one for all channels.
  package static func standard(isOpen: Bool) -> ChannelRules {
    ChannelRules([.standard(.all, isOpen: isOpen)])
  }

  package func rule(for channel: ChannelName) -> ChannelRule? {
    rules.first { $0.match.matches(channel) }
  }
}
