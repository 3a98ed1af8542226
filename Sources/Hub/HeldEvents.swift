import Model

/// An event that waits for a subscribe to be answered: which of the channel's connections it is for, and what it says of
/// the history.
struct HeldEvent {
  let frame: Frame
  let audience: Audience
  let mark: StreamMark
}

/// Events of a channel that came between its confirmation and the answer to a subscribe, in order.
struct HeldEvents {
  /// In bytes.
  static let capacity = 1 << 20

  private(set) var events: [HeldEvent] = []
  private var bytes = 0
  /// Whether there was no room: nothing is held any more.
  private(set) var hasGivenUp = false
  /// The place of the last message that was left out for it.
  private(set) var lastLeftOut: StreamPosition?

  /// False when there is no room.
  mutating func append(_ event: HeldEvent) -> Bool {
    guard !hasGivenUp, bytes + event.frame.count <= Self.capacity else { return false }
    bytes += event.frame.count
    events.append(event)
    return true
  }

  /// Nothing is held any more; what has come, and comes, is left out.
  mutating func giveUp(_ event: HeldEvent) {
    for event in events + [event] {
      switch event.mark {
      case .message(let position), .gap(let position): lastLeftOut = position
      case .none, .fleeting: break
      }
    }
    events = []
    hasGivenUp = true
  }

  /// What is to be told of them when all up to `top` is known by a read: messages behind it.
  ///
  /// The read and the events have come on two ways. An event of another epoch is older than the read, unless a gap that
  /// the read does not know has been told before it.
  func events(behind top: StreamPosition) -> [HeldEvent] {
    var isNewer = false
    return events.filter { event in
      switch event.mark {
      case .none, .fleeting: return true
      case .gap(let position):
        if position.epoch == top.epoch, position.offset <= top.offset, !isNewer { return false }
        if position.epoch != top.epoch { isNewer = true }
        return true
      case .message(let position):
        return isNewer || position.epoch == top.epoch && position.offset > top.offset
      }
    }
  }

  /// The first place of a message among them.
  var first: StreamPosition? {
    for event in events { if case .message(let position) = event.mark { return position } }
    return nil
  }
}
