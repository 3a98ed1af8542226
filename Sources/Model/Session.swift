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
