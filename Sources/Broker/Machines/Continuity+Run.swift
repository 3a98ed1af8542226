import Model

extension Continuity {
  /// What goes out in one go: consecutive messages together, with the gaps between them.
  struct Run {
    private let channel: ChannelName
    private var actions: [Action] = []
    private var events: [ChannelEvent] = []
    private(set) var position: StreamPosition

    init(_ channel: ChannelName, from position: StreamPosition) {
      self.channel = channel
      self.position = position
    }

    mutating func deliver(_ item: Item) {
      guard let event = item.event else { return gap(upTo: item.position) }
      events.append(event)
      position = item.position
    }

    /// Tells what is missing between the position and `item`, if anything.
    mutating func fillUp(to item: Item) {
      if !item.follows(position) { gap(upTo: item.position.predecessor) }
    }

    mutating func gap(upTo end: StreamPosition) {
      flush()
      actions.append(.gap(channel, end))
      position = end
    }

    private mutating func flush() {
      if !events.isEmpty { actions.append(.deliver(channel, events)) }
      events = []
    }

    consuming func finish() -> [Action] {
      flush()
      return actions
    }
  }
}

extension StreamPosition {
  /// The stream was read here after it had been at `earlier`, of the same epoch: what lay between is not in it.
  func isSetBack(from earlier: StreamPosition) -> Bool {
    epoch == earlier.epoch && offset < earlier.offset
  }
}

extension Continuity.Item {
  init(_ entry: HistoryEntry, epoch: String) {
    self.init(position: StreamPosition(epoch: epoch, offset: entry.offset), event: entry.event(under: epoch))
  }

  /// The message comes right after `earlier`: nothing can be missing between the two.
  func follows(_ earlier: StreamPosition) -> Bool {
    position.epoch == earlier.epoch && position.offset > earlier.offset && position.offset - 1 == earlier.offset
  }
}
