import Model

/// What has come of a channel while subscribes were on their way: in order, and once for all of them, however many.
///
/// Events are numbered, and each subscribe knows the number at which it began. Where there is no room the oldest are
/// dropped; what that means to a subscribe is for the hub to say.
struct BufferedEvents {
  /// In bytes.
  static let capacity = 1 << 20
  /// So many places that are empty may stand before the oldest event.
  private static let slack = 64

  private var events: [ChannelEvent?] = []
  /// The number of the first place in `events`, and where the oldest event is that is still there.
  private var base = 0
  private var head = 0
  private var bytes = 0
  /// The last message, or gap, that was dropped.
  private var lastDropped: (number: Int, position: StreamPosition)?
  /// No event before that number matters to a subscribe that can do without none: a lower bound.
  var requiredFrom = Int.max
  /// How many of the subscribes are of connections that listened before.
  var renewals = 0

  /// The number of the next event.
  var end: Int { base + events.count }
  /// How many are there.
  var count: Int { events.count - head }

  /// Puts an event behind the others, whether or not there is room.
  mutating func append(_ event: ChannelEvent) {
    bytes += event.text.count
    events.append(event)
  }

  /// The number of the oldest event that there is room for; nil where there is room for all.
  var firstThatFits: Int? {
    guard bytes > Self.capacity else { return nil }
    var (place, left) = (head, bytes)
    while left > Self.capacity, place < events.count {
      left -= events[place]?.text.count ?? 0
      place += 1
    }
    return base + place
  }

  /// Drops the oldest, until there is room for the others.
  mutating func trim() {
    while bytes > Self.capacity, head < events.count {
      if let event = events[head] {
        bytes -= event.text.count
        if let position = event.position { lastDropped = (base + head, position) }
      }
      events[head] = nil
      head += 1
    }
    // Not one by one, since each time all the others move.
    guard head > Self.slack, head > events.count / 2 else { return }
    events.removeFirst(head)
    base += head
    head = 0
  }

  /// What is buffered for a subscribe that began at `start`; joins and leaves only from `roster` on, if at all.
  ///
  /// Where it is answered with a roster (`isAnswered`), its own join tells how new that is at least: joins and leaves before
  /// it are in the roster, and their counts are older.
  func share(
    since start: Int, roster: Int?, publisher: [ClientID], isRenewal: Bool, isAnswered: Bool
  ) -> BufferedShare {
    var share = BufferedShare(events: [], lost: lastDropped.flatMap { $0.number >= start ? $0.position : nil })
    for place in max(start - base, head)..<max(start - base, events.count) {
      guard let event = events[place] else { continue }
      guard event.excluded.map(publisher.contains) != true else {
        if isAnswered, event.audience == .watchers { share.events.removeAll { $0.audience == .watchers } }
        continue
      }
      // A signal is worth nothing to who was not there.
      if event.kind == .signal, !isRenewal { continue }
      if event.audience == .watchers, base + place < roster ?? .max { continue }
      share.events.append(event)
    }
    return share
  }
}

/// What was buffered for one connection.
struct BufferedShare {
  var events: [ChannelEvent]
  /// The position of the last message that was dropped before them.
  var lost: StreamPosition?

  /// Whether there are messages that neither a read up to `latest` has nor the events.
  func hasHole(from latest: StreamPosition) -> Bool {
    guard let lost else { return false }
    if lost.epoch == latest.epoch { return lost.offset > latest.offset }
    // An epoch never comes back: it was an older one if the read's is still to come.
    return !events.contains { $0.position?.epoch == latest.epoch }
  }

  /// What is to be told of them when all up to `latest` is known by a read: messages behind it.
  ///
  /// The read and the events have come on two ways. An event of another epoch is older than the read if one of the read's
  /// epoch comes behind it, since epochs never come back; else it is newer, and a gap has been told before it.
  func behind(_ latest: StreamPosition) -> [ChannelEvent] {
    let last = events.lastIndex { $0.position?.epoch == latest.epoch } ?? -1
    var isNewer = false
    return events.enumerated().compactMap { index, event in
      guard let position = event.position else { return event }
      if position.epoch == latest.epoch { return position.offset > latest.offset ? event : nil }
      guard index > last else { return nil }
      if event.kind == .gap { isNewer = true }
      return isNewer ? event : nil
    }
  }

  /// Where somebody stands who has heard everything before them; nil where none of them tells.
  var start: StreamPosition? {
    guard let first = events.first(where: { $0.position != nil }), let position = first.position else { return nil }
    // How much it has lost is told right after that.
    return first.kind == .gap ? position : position.predecessor
  }
}
