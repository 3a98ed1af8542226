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
