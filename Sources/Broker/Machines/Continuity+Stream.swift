import Model

extension Continuity {
  /// One channel's part of `Continuity`; the functions mean what they mean there.
  ///
  /// A class, since to change a value where it lies in a dictionary allocates three times, and that for every message.
  final class Stream {
    private enum Phase {
      /// The subscription stands and nothing is missing.
      case following
      /// Messages are buffered until the read is answered. It was asked when messages up to `coveredUpTo` had come, so
      /// an offset up to there that it does not bring is nowhere.
      case reading(serial: UInt64, coveredUpTo: Int)
      /// A message of the epoch before has come, and it is asked whether that one still goes on. What comes of the
      /// position's is buffered.
      case verifying(serial: UInt64)
      /// The subscription is lost. What the new one brings before it is reported as attached is buffered.
      case away
    }

    private let channel: ChannelName
    private var phase = Phase.following
    private var position: StreamPosition?
    /// The offset up to which a read has brought messages, or a gap was told: those may come by pub/sub once more.
    private var readUpTo = 0
    /// The last position of the epoch before. A read can be faster than messages of it that were handed on already.
    private var previousEpochEnd: StreamPosition?
    /// A subscription was lost before any position was known: messages may be missing that nobody can name.
    private var hasMissed = false
    /// A read was refused: messages may be missing after the position, and none may come that shows it.
    private var isDoubtful = false
    /// Of the position's epoch, above it and ascending. All came by the present subscription.
    private var buffered: [Item] = []
    private var bufferedBytes = 0
    /// The newest message that there was no room to buffer.
    private var dropped = 0

    init(_ channel: ChannelName) {
      self.channel = channel
    }

    /// Where the channel's listeners are.
    var currentPosition: StreamPosition? { position }

    func hasLeft(_ epoch: String) -> Bool { previousEpochEnd?.epoch == epoch }

    func recheck(_ serials: inout Serials) -> Action? {
      guard case .following = phase, let position else { return nil }
      return ask(from: position, &serials)
    }

    // MARK: The subscription

    func attached(_ serials: inout Serials) -> Action? {
      guard case .away = phase else { return nil }
      guard let position else {
        phase = .following
        return nil
      }
      return ask(from: position, &serials)
    }

    func lost() {
      if position == nil { hasMissed = true }
      phase = .away
      // They are read again together with what follows them, which may be missing by then.
      dropBuffered()
      dropped = 0
    }

    func stood(at latest: StreamPosition, askedAt before: StreamPosition?, _ serials: inout Serials) -> Action? {
      if let position {
        if let before, latest.isSetBack(from: before), case .following = phase {
          move(to: latest)
          return .gap(channel, latest)
        }
        if isDoubtful, case .following = phase, latest != position { return ask(from: position, &serials) }
        guard position.epoch != latest.epoch, latest.offset == 0 else { return nil }
        dropBuffered()
        dropped = 0
        endReading()
        move(to: latest)
        return .gap(channel, latest)
      }
      position = latest
      readUpTo = latest.offset
      return hasMissed ? .gap(channel, latest) : nil
    }

    func hasReached(_ latest: StreamPosition) -> Bool {
      position?.epoch == latest.epoch && (position?.offset ?? 0) >= latest.offset
    }

    // MARK: Messages

    func received(_ item: Item, _ serials: inout Serials) -> Decision {
      guard let position, position.epoch == item.position.epoch else { return receivedElsewhere(item, &serials) }
      guard item.position.offset > position.offset else { return receivedAgain(item, at: position, &serials) }
      switch phase {
      case .following:
        guard item.follows(position) else {
          buffer(item)
          return .act([ask(from: position, &serials)])
        }
        self.position?.offset = item.position.offset
        return item.event == nil ? .act([.gap(channel, item.position)]) : .deliver
      case .reading, .verifying, .away:
        buffer(item)
        return .withhold
      }
    }

    /// A message under an offset that is passed. One that a read has brought may come late. Any other tells that what
    /// was handed on in its place is not in the stream: it was not published by a node, or Redis has lost it.
    private func receivedAgain(_ item: Item, at position: StreamPosition, _ serials: inout Serials) -> Decision {
      guard item.position.offset > readUpTo, case .following = phase else { return .withhold }
      return .act([.gap(channel, position), ask(from: position, &serials)])
    }

    /// A message under another epoch than that of the position.
    private func receivedElsewhere(_ item: Item, _ serials: inout Serials) -> Decision {
      if let previousEpochEnd, previousEpochEnd.epoch == item.position.epoch {
        return receivedLate(item, after: previousEpochEnd, &serials)
      }
      if let position { return .act(skip(to: item, from: position)) }
      position = item.position
      readUpTo = item.position.offset - 1
      guard let event = item.event else { return .act([.gap(channel, item.position)]) }
      return hasMissed ? .act([.gap(channel, item.position.predecessor), .deliver(channel, [event])]) : .deliver
    }

    /// A message under the epoch before. An epoch does not come back, and the gap after it has told of all its messages: a
    /// primary that was stopped and has lost its slots may still publish some. But a made-up message may have led away from
    /// an epoch that still goes on: what follows its end is read, which tells.
    private func receivedLate(_ item: Item, after end: StreamPosition, _ serials: inout Serials) -> Decision {
      guard item.position.offset > end.offset, case .following = phase else { return .withhold }
      let serial = serials.next()
      phase = .verifying(serial: serial)
      return .act([.read(channel, from: end, serial: serial)])
    }

    /// Goes back to the epoch before where it still goes on; what is missing of it has been read.
    private func verified(_ result: Result<HistoryRead, any Error>, _ serials: inout Serials) -> [Action] {
      phase = .following
      guard let position else { return [] }
      guard case .success(let read) = result, let end = previousEpochEnd, read.latest.epoch == end.epoch else {
        return buffered.isEmpty && dropped <= position.offset ? [] : [ask(from: position, &serials)]
      }
      dropBuffered()
      dropped = 0
      let start = read.latest.offset < end.offset ? read.latest : end
      move(to: start)
      var run = Run(channel, from: start)
      let isUnfinished = take(read, coveredUpTo: start.offset, into: &run)
      move(to: run.position)
      readUpTo = min(read.latest.offset, run.position.offset)
      let actions = [.gap(channel, start)] + run.finish()
      return isUnfinished ? actions + [ask(from: run.position, &serials)] : actions
    }

    /// Goes on with `item`, of another epoch. What is buffered goes out as far as nothing is missing before it; the
    /// rest falls into the gap.
    private func skip(to item: Item, from position: StreamPosition) -> [Action] {
      var run = Run(channel, from: position)
      for message in buffered where message.follows(run.position) { run.deliver(message) }
      dropBuffered()
      dropped = 0
      run.fillUp(to: item)
      run.deliver(item)
      move(to: run.position)
      readUpTo = run.position.offset - 1
      endReading()
      return run.finish()
    }

    /// Gives up the read that is under way.
    private func endReading() {
      switch phase {
      case .reading, .verifying: phase = .following
      case .following, .away: break
      }
    }

    private func move(to next: StreamPosition) {
      if let position, position.epoch != next.epoch {
        previousEpochEnd = position
        readUpTo = 0
      }
      readUpTo = min(readUpTo, next.offset)
      position = next
    }

    // MARK: Reading

    private func ask(from position: StreamPosition, _ serials: inout Serials) -> Action {
      let serial = serials.next()
      isDoubtful = false
      phase = .reading(serial: serial, coveredUpTo: max(dropped, buffered.last?.position.offset ?? position.offset))
      return .read(channel, from: position, serial: serial)
    }

    func read(
      _ serial: UInt64, _ result: Result<HistoryRead, any Error>, _ serials: inout Serials
    ) -> [Action] {
      if case .verifying(serial) = phase { return verified(result, &serials) }
      guard case .reading(serial, let coveredUpTo) = phase, let position else { return [] }
      phase = .following
      var run = Run(channel, from: position)
      var isUnfinished = false
      switch result {
      case .success(let read) where read.latest.epoch != position.epoch:
        release(behind: &run, unreadable: .max)
        run.gap(upTo: read.latest)
        dropped = 0
      case .success(let read) where read.latest.offset >= position.offset:
        isUnfinished = take(read, coveredUpTo: coveredUpTo, into: &run)
      case .success(let read):
        // The position is set back: messages were withheld that are to be read.
        isUnfinished = true
        dropUntrue(after: read.latest, upTo: coveredUpTo)
        run.gap(upTo: read.latest)
      case .failure:
        // How far the stream is nobody knows. The position stays, so that what comes next has the rest read again.
        isDoubtful = buffered.isEmpty || dropped > position.offset
        giveUp(coveredUpTo: coveredUpTo, into: &run)
      }
      move(to: run.position)
      if case .success(let read) = result { readUpTo = min(read.latest.offset, run.position.offset) }
      var actions = run.finish()
      if isUnfinished || !buffered.isEmpty || dropped > run.position.offset {
        actions.append(ask(from: run.position, &serials))
      }
      return actions
    }

    /// Moves the read messages to `run`, with the buffered ones between and after them; true when there is more to read.
    private func take(_ read: HistoryRead, coveredUpTo: Int, into run: inout Run) -> Bool {
      let start = run.position.offset
      for entry in read.entries where entry.offset > run.position.offset {
        release(behind: &run, unreadable: entry.offset - 1)
        guard entry.offset > run.position.offset else { continue }
        let item = Item(entry, epoch: run.position.epoch)
        // It may have been trimmed, or somebody may have taken an entry out of the middle.
        run.fillUp(to: item)
        run.deliver(item)
      }
      if run.position.offset > start, let last = read.entries.last, last.offset < read.latest.offset { return true }
      let isUntrue = coveredUpTo > read.latest.offset
      if isUntrue { dropUntrue(after: read.latest, upTo: coveredUpTo) }
      release(behind: &run, unreadable: read.latest.offset)
      if isUntrue || run.position.offset < read.latest.offset {
        run.gap(upTo: run.position.offset > read.latest.offset ? run.position : read.latest)
      }
      // Behind an untrue message nothing was buffered.
      return isUntrue
    }

    /// Drops what had come when the read was asked and is not in the stream: no node has published it, or Redis has
    /// lost it since.
    private func dropUntrue(after latest: StreamPosition, upTo coveredUpTo: Int) {
      buffered.removeAll { item in
        let isUntrue = item.position.offset > latest.offset && item.position.offset <= coveredUpTo
        if isUntrue { bufferedBytes -= item.byteCount }
        return isUntrue
      }
      if dropped <= coveredUpTo { dropped = 0 }
    }

    /// Moves what is buffered to `run`, or tells a gap that ends nobody knows where.
    private func giveUp(coveredUpTo: Int, into run: inout Run) {
      dropped = 0
      guard let first = buffered.first else { return run.gap(upTo: run.position) }
      release(behind: &run, unreadable: max(coveredUpTo, first.position.offset))
    }

    /// Moves what is buffered to `run`. What is missing before a message up to `unreadable` becomes a gap. What is
    /// missing before a later one was lost after the read had been asked for: it stays buffered, and is worth another
    /// read.
    private func release(behind run: inout Run, unreadable: Int) {
      var count = 0
      for item in buffered {
        if item.position.offset > run.position.offset {
          guard item.follows(run.position) || item.position.offset <= unreadable else { break }
          run.fillUp(to: item)
          run.deliver(item)
        }
        count += 1
        bufferedBytes -= item.byteCount
      }
      buffered.removeFirst(count)
    }

    // MARK: Buffering

    /// Keeps a message after the position. Without room for it all are dropped: the stream has them and is read again.
    private func buffer(_ item: Item) {
      // Below the newest it is there already, or will be read as what is missing.
      if let last = buffered.last, item.position.offset <= last.position.offset { return }
      guard buffered.count < Continuity.maxBuffered, bufferedBytes + item.byteCount <= Continuity.maxBufferedBytes
      else {
        dropBuffered()
        return dropped = item.position.offset
      }
      buffered.append(item)
      bufferedBytes += item.byteCount
    }

    private func dropBuffered() {
      buffered = []
      bufferedBytes = 0
    }
  }
}

@available(*, unavailable)
extension Continuity.Stream: Sendable {}
