/// One connection of one loop, as long as it lives: the slot it occupies and the slot's generation.
///
/// An answer that arrives after the connection has gone carries an old generation and is dropped.
package struct SessionID: Hashable, Sendable {
  package let slot: UInt32
  package let generation: UInt32

  package init(slot: UInt32, generation: UInt32) {
    self.slot = slot
    self.generation = generation
  }
}

/// A message on its way to everybody who listens to a channel: the finished event, and who is left out.
package struct Publication: Sendable {
  package var channel: ChannelName
  package var frame: Frame
  /// The connection that does not get it: its publisher, when it asked for no echo.
  package var excluded: ClientID?
  /// Whether the event is a binary frame rather than a text.
  package var isBinary: Bool

  package init(channel: ChannelName, frame: Frame, excluded: ClientID?, isBinary: Bool = false) {
    self.channel = channel
    self.frame = frame
    self.excluded = excluded
    self.isBinary = isBinary
  }
}

/// How the node stands with its broker.
package enum LinkState: Sendable, Equatable {
  /// Everything can be asked and will be answered.
  case up
  /// Just lost (or not made yet) and on its way back: what needs it waits.
  case lost
  /// Gone; an attempt to come back has failed: what needs it is refused at once.
  case down
}

/// Who a frame of a channel goes to.
package enum Audience: Sendable {
  /// Everybody who subscribed.
  case listeners
  /// Those who asked to be told of presence.
  case watchers
}
