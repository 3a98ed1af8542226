/// A place in the history of a channel: its `offset`-th message since the beginning of `epoch`.
package struct StreamPosition: Equatable, Sendable {
  package var epoch: String
  package var offset: Int

  package init(epoch: String, offset: Int) {
    self.epoch = epoch
    self.offset = offset
  }
}
