import Cluster
import Hub
import Model
import TestSupport

/// Channels that keep history: a made-up stream, what of it is handed on, and where each client stands.
///
/// The broker's promise is modelled as it is: messages are handed on one after the other, or a gap is; an epoch that
/// begins is handed on as a gap; and a read is answered when all up to its latest has been handed on. One that a new epoch
/// has overtaken is made again.
extension HubSimulation {
  /// A channel's history, and how much of it was handed on.
  struct Stream {
    /// Epochs are counted, so that it is known which one is older.
    var epoch = 0
    var latest = 0
    var handed = (epoch: 0, offset: 0)
    /// Whose message it is that does not get it, by epoch and offset.
    var excluded: [[Int: ClientID]] = [[:]]
    /// Whether the broker was asked for the channel anew: what came before is not handed on.
    var isFresh = true

    /// The oldest message that is held.
    var oldest: Int { max(1, latest - HubSimulation.size + 1) }
    func position(_ epoch: Int, _ offset: Int) -> StreamPosition { StreamPosition(epoch: "e\(epoch)", offset: offset) }
  }

  /// A read that the broker was asked for; `found` is what it found when it was made.
  struct Reading {
    let session: SessionID
    let channel: ChannelName
    let query: HistoryQuery
    let serial: UInt64
    var found: (read: HistoryRead, epoch: Int)?
  }

  /// How many messages are held.
  static let size = 20
  /// Channels that keep history, and the one of them that sends its newest message to whoever comes.
  static let kept: Set<ChannelName> = [channel("c"), channel("d")]
  static let last = channel("d")

  static func rules(_ first: [ChannelRule?], quiet: ChannelName? = nil) -> ChannelRules {
    let keeping = kept.sorted { $0.string < $1.string }.compactMap { name in
      ChannelPattern(name.string).map { pattern in
        var rule = ChannelRule.standard(pattern, isOpen: true)
        rule.history = HistoryRule(size: size, timeToLive: 1000)
        rule.sendsLast = name == last
        rule.hasPresence = name != quiet
        return rule
      }
    }
    return ChannelRules(first.compactMap { $0 } + keeping + [.standard(.all, isOpen: true)])
  }

  // MARK: The stream

  /// Somebody publishes; what is handed on lags behind.
  mutating func publish(to channel: ChannelName, without slot: UInt32?) {
    guard var stream = streams[channel] else { return }
    stream.latest += 1
    stream.excluded[stream.epoch][stream.latest] = slot.map { client($0) }
    streams[channel] = stream
  }

  /// Nobody can vouch for what came before.
  mutating func beginEpoch(of channel: ChannelName) {
    streams[channel]?.epoch += 1
    streams[channel]?.latest = 0
    streams[channel]?.excluded.append([:])
  }

  /// Hands on the next message, or gives some up.
  mutating func handOn(_ channel: ChannelName, losing: Int? = nil, large: Bool = false) throws {
    guard var stream = streams[channel], wanted.contains(channel), !stream.isFresh else { return }
    let mark: Mark
    var excluded: ClientID?
    if stream.handed.epoch != stream.epoch || losing != nil {
      let first = stream.handed.epoch == stream.epoch ? stream.handed.offset : 0
      stream.handed = (stream.epoch, min(stream.latest, first + (losing ?? 0)))
      mark = .gap(stream.position(stream.epoch, stream.handed.offset))
    } else {
      guard stream.handed.offset < stream.latest else { return }
      stream.handed.offset += 1
      mark = .message(stream.position(stream.epoch, stream.handed.offset))
      excluded = stream.excluded[stream.epoch][stream.handed.offset]
    }
    streams[channel] = stream
    let slot = open.keys.first { client($0) == excluded }
    try deliver(.listeners, channel, without: slot, mark, large: large)
  }

  // MARK: Reads

  mutating func asked(
    _ session: SessionID, _ channel: ChannelName, _ query: HistoryQuery, _ serial: UInt64
  ) throws {
    let key = Key(slot: session.slot, channel: channel)
    takeTurns(key)
    switch places[key]?.commands.first?.command {
    case .subscribe, .put(_, hasBegun: true): break
    case .unsubscribe, .publish, .presence, .put, .take, nil: return try check(false, "nobody asked")
    }
    try check(Self.kept.contains(channel), "the channel keeps no history")
    try check(places[key]?.isEntering == false, "read after the roster")
    try check(confirmed.contains(channel) || places[key]?.isReading == true, "read before it was confirmed")
    let since = places[key]?.commands.first.flatMap { sinces[$0.id] }
    switch query {
    case .recover(let asked):
      try check(places[key]?.mode == nil && since.map { .position($0) } == asked, "recovered for no reason")
    case .newest: try check(channel == Self.last && places[key]?.mode == nil, "the newest for no reason")
    case .position: try check(places[key]?.mode != nil || since == nil && channel != Self.last, "not what was asked")
    case .after: try check(false, "not what was asked")
    }
    places[key]?.isReading = true
    places[key]?.attempt = serial
    readings.append(Reading(session: session, channel: channel, query: query, serial: serial))
  }

  /// Redis makes a read that it was asked for.
  mutating func make(_ number: Int) {
    guard readings[number].found == nil, let stream = streams[readings[number].channel] else { return }
    let channel = readings[number].channel
    var read = HistoryRead(latest: stream.position(stream.epoch, stream.latest))
    var range = 1..<1
    switch readings[number].query {
    case .recover(.position(let since)):
      read.isComplete =
        since.epoch == read.latest.epoch && since.offset <= stream.latest && since.offset + 1 >= stream.oldest
      if read.isComplete { range = since.offset + 1..<stream.latest + 1 }
    case .newest: range = max(1, stream.latest)..<stream.latest + 1
    case .recover, .position, .after: break
    }
    read.entries = range.map { offset in
      HistoryEntry(
        offset: offset, time: 0, text: EventText(text: "\(channel) old"), isBinary: false,
        excluded: stream.excluded[stream.epoch][offset])
    }
    readings[number].found = (read, stream.epoch)
  }

  /// Answers a read, if that may be by now.
  mutating func answerRead(_ number: Int, success: Bool, waiting: Int) throws {
    make(number)
    let reading = readings[number]
    guard let found = reading.found, let handed = streams[reading.channel]?.handed else { return }
    let isReached = (found.epoch, found.read.latest.offset) <= (handed.epoch, handed.offset)
    let isOver = open[reading.session.slot] != reading.session.generation
    if success, !isOver, found.epoch < handed.epoch {
      readings[number].found = nil
      return
    }
    guard isReached || isOver || !success else { return }
    readings.remove(at: number)
    let key = Key(slot: reading.session.slot, channel: reading.channel)
    if !isOver, success {
      let others = places.contains { $0.key.slot == key.slot && $0.key.channel != key.channel && $0.value.isEntering }
      places[key]?.mustRecover = found.read.isComplete && waiting == 0 && !others
    }
    if !success, !isOver {
      failPuts { waiting, place in waiting == key && place.attempt == reading.serial && !place.isEntering }
    }
    hub.answered(
      .subscribe(reading.session, reading.channel, attempt: reading.serial),
      success ? .success(.history(reading.channel, found.read)) : .failure(Refusal(.unavailable, "Not now.")),
      waiting: waiting)
    if isOver { try check(hub.actions.isEmpty, "something is done for a connection that has gone") }
    try settle(closing: nil)
  }

  // MARK: Clients

  /// The client is told where it stands.
  mutating func stand(_ key: Key, _ stream: SubscribedStream?, _ since: StreamPosition?) throws {
    try check((stream != nil) == Self.kept.contains(key.channel), "a place where the channel keeps history")
    guard let stream, let place = places[key] else { return }
    if place.mode != nil, let before = place.position {
      try check(stream.isRecovered == nil, "recovered, or not, for whoever listened")
      let isThere = isNext(stream.position, before, key)
      places[key]?.mustBeTold = isThere ? nil : before
    } else if stream.isRecovered == true {
      recovered += 1
      try check(
        since == stream.position, "recovered from \(stream.position) on, it asked from \(String(describing: since))")
    } else {
      try check((stream.isRecovered == nil) == (since == nil), "told of what was not asked, or not of what was")
      try check(since == nil || !place.mustRecover || place.isOverrun, "not recovered for no reason")
    }
    places[key]?.position = stream.position
  }

  /// The client hears something that has a place, or is told that it lacks some.
  mutating func hear(_ mark: Mark, _ key: Key) throws {
    if let before = places[key]?.mustBeTold, mark.position != nil {
      guard case .gap = mark else { return try check(false, "\(key) is told nothing of what it lacks since \(before)") }
      places[key]?.mustBeTold = nil
    }
    guard let position = places[key]?.position else {
      return try check(false, "\(key) is told before it stands anywhere")
    }
    switch mark {
    case .none, .fleeting: return
    case .message(let message):
      let before = StreamPosition(epoch: message.epoch, offset: message.offset - 1)
      try check(isNext(before, position, key), "\(key) gets \(message) at \(position)")
      places[key]?.position = message
    case .gap(let gap):
      let isNewer = (number(gap.epoch), gap.offset) >= (number(position.epoch), position.offset)
      try check(isNewer, "\(key) is told of a gap up to \(gap) at \(position)")
      places[key]?.position = gap
    }
  }

  /// Whether a client that stood at `old` lacks nothing up to `new`: whatever is between was not for it.
  private func isNext(_ new: StreamPosition, _ old: StreamPosition, _ key: Key) -> Bool {
    guard new.epoch == old.epoch, new.offset >= old.offset, let stream = streams[key.channel] else { return false }
    return (old.offset..<new.offset).allSatisfy { stream.excluded[number(new.epoch)][$0 + 1] == client(key.slot) }
  }

  private func number(_ epoch: String) -> Int { Int(epoch.dropFirst()) ?? 0 }

  /// Everybody who is in a channel that keeps history has heard all that was handed on.
  func checkStands() throws {
    for (key, place) in places where place.mode != nil && !place.isHolding {
      guard let stream = streams[key.channel], let position = place.position else { continue }
      try check(place.mustBeTold == nil, "\(key) is told to stand at \(position), and was not there")
      let end = stream.position(stream.handed.epoch, stream.handed.offset)
      try check(isNext(end, position, key), "\(key) is at \(position), what was handed on at \(end)")
    }
  }
}
