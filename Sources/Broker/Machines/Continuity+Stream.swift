import Model

extension Continuity {
  /// One channel's part of `Continuity`; the functions mean what they mean there.
  ///
  /// A class, since to change a value where it lies in a dictionary allocates three times, and that for every message.
  final class Stream {
    private enum Phase {
      /// The subscription stands and nothing is missing.
      case following
      /// Messages are held until the read is answered. It was asked when messages up to `known` had come, so an offset
      /// up to there that it does not bring is nowhere.
      case reading(serial: UInt64, known: Int)
      /// The subscription is lost. What the new one brings before it is reported as attached is held.
      case away
    }

    private let channel: ChannelName
    private var phase = Phase.following
    private var place: StreamPosition?
    /// The last place of the epoch before. A read can be faster than messages of it that were handed on already.
    private var former: StreamPosition?
    /// Whether a subscription was lost before any place was known, so that messages nobody can name may be missing.
    private var hasMissed = false
    /// Whether a read was refused, so that messages may be missing behind the place although none will come and tell.
    private var isDoubtful = false
    /// Of the place's epoch, above it and ascending. All came by the present subscription.
    private var held: [Item] = []
    private var heldBytes = 0
    /// The newest message that there was no room to hold.
    private var dropped = 0

    init(_ channel: ChannelName) {
      self.channel = channel
    }

    var epoch: String? { place?.epoch }

    func hasLeft(_ epoch: String) -> Bool { former?.epoch == epoch }

    func recheck(_ serials: inout Serials) -> Action? {
      guard case .following = phase, let place else { return nil }
      return ask(from: place, &serials)
    }

    // MARK: The subscription

    func attached(_ serials: inout Serials) -> Action? {
      guard case .away = phase else { return nil }
      guard let place else {
        phase = .following
        return nil
      }
      return ask(from: place, &serials)
    }

    func lost() {
      if place == nil { hasMissed = true }
      phase = .away
      // They are read again together with what follows them, which may be missing by then.
      dropHeld()
      dropped = 0
    }

    func position(_ top: StreamPosition, _ serials: inout Serials) -> Action? {
      if let place {
        if isDoubtful, case .following = phase, top != place { return ask(from: place, &serials) }
        guard place.epoch != top.epoch, top.offset == 0 else { return nil }
        dropHeld()
        dropped = 0
        if case .reading = phase { phase = .following }
        move(to: top)
        return .gap(channel, top)
      }
      place = top
      return hasMissed ? .gap(channel, top) : nil
    }

    func hasReached(_ top: StreamPosition) -> Bool {
      place?.epoch == top.epoch && (place?.offset ?? 0) >= top.offset
    }

    // MARK: Messages

    func received(_ item: Item, _ serials: inout Serials) -> Decision {
      guard let place, place.epoch == item.position.epoch else { return receivedElsewhere(item) }
      guard item.position.offset > place.offset else { return .withhold }
      switch phase {
      case .following:
        guard item.follows(place) else {
          hold(item)
          return .act([ask(from: place, &serials)])
        }
        self.place?.offset = item.position.offset
        return item.event == nil ? .act([.gap(channel, item.position)]) : .deliver
      case .reading, .away:
        hold(item)
        return .withhold
      }
    }

    /// A message under an epoch of which nothing is known.
    private func receivedElsewhere(_ item: Item) -> Decision {
      if let former, former.epoch == item.position.epoch, item.position.offset <= former.offset { return .withhold }
      if let place { return .act(skip(to: item, from: place)) }
      place = item.position
      guard let event = item.event else { return .act([.gap(channel, item.position)]) }
      return hasMissed ? .act([.gap(channel, item.position.predecessor), .deliver(channel, [event])]) : .deliver
    }

    /// Goes on with `item`, of another epoch. What is held goes out as far as nothing is missing before it; the rest
    /// falls into the gap.
    private func skip(to item: Item, from place: StreamPosition) -> [Action] {
      var run = Run(channel, from: place)
      for message in held where message.follows(run.place) { run.deliver(message) }
      dropHeld()
      dropped = 0
      run.fillUp(to: item)
      run.deliver(item)
      move(to: run.place)
      if case .reading = phase { phase = .following }
      return run.finish()
    }

    private func move(to next: StreamPosition) {
      if let place, place.epoch != next.epoch { former = place }
      place = next
    }

    // MARK: Reading

    private func ask(from place: StreamPosition, _ serials: inout Serials) -> Action {
      let serial = serials.next()
      isDoubtful = false
      phase = .reading(serial: serial, known: max(dropped, held.last?.position.offset ?? place.offset))
      return .read(channel, from: place, serial: serial)
    }

    func read(
      _ serial: UInt64, _ result: Result<HistoryRead, any Error>, _ serials: inout Serials
    ) -> [Action] {
      guard case .reading(serial, let known) = phase, let place else { return [] }
      phase = .following
      var run = Run(channel, from: place)
      var isUnfinished = false
      switch result {
      case .success(let read) where read.top.epoch != place.epoch:
        release(behind: &run, unreadable: .max)
        run.gap(upTo: read.top)
        dropped = 0
      case .success(let read) where read.top.offset >= place.offset:
        isUnfinished = take(read, known: known, into: &run)
      case .success: giveUp(known: known, into: &run)
      case .failure:
        // How far the stream is nobody knows. The place stays, so that what comes next has the rest read again.
        isDoubtful = held.isEmpty || dropped > place.offset
        giveUp(known: known, into: &run)
      }
      move(to: run.place)
      var actions = run.finish()
      if isUnfinished || !held.isEmpty || dropped > run.place.offset { actions.append(ask(from: run.place, &serials)) }
      return actions
    }

    /// Moves what was read, and what is held between and behind it, to `run`; true when there is more to be read.
    private func take(_ read: HistoryRead, known: Int, into run: inout Run) -> Bool {
      let start = run.place.offset
      for entry in read.entries where entry.offset > run.place.offset {
        release(behind: &run, unreadable: entry.offset - 1)
        guard entry.offset > run.place.offset else { continue }
        let item = Item(entry, epoch: run.place.epoch)
        // It may have been trimmed, or somebody may have taken an entry out of the middle.
        run.fillUp(to: item)
        run.deliver(item)
      }
      if run.place.offset > start, let last = read.entries.last, last.offset < read.top.offset { return true }
      let end = max(known, read.top.offset)
      release(behind: &run, unreadable: end)
      if run.place.offset < end { run.gap(upTo: StreamPosition(epoch: run.place.epoch, offset: end)) }
      return false
    }

    /// Moves what is held to `run`, or tells a gap that ends nobody knows where.
    private func giveUp(known: Int, into run: inout Run) {
      dropped = 0
      guard let first = held.first else { return run.gap(upTo: run.place) }
      release(behind: &run, unreadable: max(known, first.position.offset))
    }

    /// Moves what is held to `run`. What is missing before a message up to `unreadable` becomes a gap. What is missing
    /// before a later one was lost after the read had been asked for: it stays held, and is worth another read.
    private func release(behind run: inout Run, unreadable: Int) {
      var count = 0
      for item in held {
        if item.position.offset > run.place.offset {
          guard item.follows(run.place) || item.position.offset <= unreadable else { break }
          run.fillUp(to: item)
          run.deliver(item)
        }
        count += 1
        heldBytes -= item.byteCount
      }
      held.removeFirst(count)
    }

    // MARK: Holding

    /// Keeps a message above the place. Where there is no room all are let go: the stream has them, and is read.
    private func hold(_ item: Item) {
      // Below the newest it is there already, or will be read as what is missing.
      if let last = held.last, item.position.offset <= last.position.offset { return }
      guard held.count < Continuity.maxHeld, heldBytes + item.byteCount <= Continuity.maxHeldBytes else {
        dropHeld()
        return dropped = item.position.offset
      }
      held.append(item)
      heldBytes += item.byteCount
    }

    private func dropHeld() {
      held = []
      heldBytes = 0
    }
  }

  /// What goes out in one go: consecutive messages together, with the gaps between them.
  private struct Run {
    private let channel: ChannelName
    private var actions: [Action] = []
    private var events: [ChannelEvent] = []
    private(set) var place: StreamPosition

    init(_ channel: ChannelName, from place: StreamPosition) {
      self.channel = channel
      self.place = place
    }

    mutating func deliver(_ item: Item) {
      guard let event = item.event else { return gap(upTo: item.position) }
      events.append(event)
      place = item.position
    }

    /// Tells what is missing between the place and `item`, if anything.
    mutating func fillUp(to item: Item) {
      if !item.follows(place) { gap(upTo: item.position.predecessor) }
    }

    mutating func gap(upTo position: StreamPosition) {
      flush()
      actions.append(.gap(channel, position))
      place = position
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

extension Continuity.Item {
  fileprivate init(_ entry: HistoryEntry, epoch: String) {
    self.init(position: StreamPosition(epoch: epoch, offset: entry.offset), event: entry.event(under: epoch))
  }

  /// Whether nothing can be missing between `place` and the message.
  fileprivate func follows(_ place: StreamPosition) -> Bool {
    position.epoch == place.epoch && position.offset > place.offset && position.offset - 1 == place.offset
  }
}

@available(*, unavailable)
extension Continuity.Stream: Sendable {}
