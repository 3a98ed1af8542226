import Cluster
import Hub
import Model
import TestSupport

/// Something the hub did that it must not do.
struct Violation: Error, CustomStringConvertible {
  let description: String
}

/// A hub between made-up clients and a made-up broker, and a simple model of what they may expect.
///
/// The model knows nothing of how the hub works. Of each connection and channel it keeps the commands that have not
/// taken effect yet, in order, how the client was last told to take part, and the events that must still come; every
/// action of the hub has to fit.
struct HubSimulation {
  enum Command {
    case subscribe(PresenceMode)
    case unsubscribe
    case publish(echo: Bool)
    case presence
  }

  struct Key: Hashable {
    let slot: UInt32
    let channel: ChannelName
  }

  /// A connection and a channel.
  struct Place {
    /// Commands that have not taken effect, oldest first.
    var commands: [(id: Int, command: Command)] = []
    /// How the client was last told that it takes part; nil when it is not subscribed.
    var mode: PresenceMode?
    /// Whether the broker was asked for the roster.
    var isEntering = false
    /// Whether the broker was asked for the history.
    var isReading = false
    /// Numbers of the events that are held and have no place, and for whom.
    var backlog: [(event: Int, audience: Audience)] = []
    /// Bytes of all that is held.
    var heldBytes = 0
    /// Where the client stands, in a channel that keeps history.
    var position: StreamPosition?
    /// Where it stood when it was told to stand somewhere else, for which it must be told of a gap.
    var mustBeTold: StreamPosition?
    /// Whether the history had all that it asked for, and nothing stood in the way.
    var mustRecover = false

    var isPending: Bool { !commands.isEmpty }
    var isHolding: Bool { isReading || isEntering }
    /// Whether more is held for it than there is room for.
    var isOverrun: Bool { heldBytes > HubSimulation.capacity }

    /// The subscribe is over.
    mutating func endHolding() {
      isReading = false
      isEntering = false
      heldBytes = 0
      mustRecover = false
    }
  }

  static let maxChannels = 4
  static let maxRecovery = 400
  /// Bytes that are held for a subscribe.
  static let capacity = 1 << 20

  var hub = Hub(
    limits: Hub.Limits(
      maxChannels: Self.maxChannels, rate: RateLimit(rate: 0, burst: 0), maxRecovery: Self.maxRecovery),
    access: Hub.Authorization(rules: HubSimulation.rules([]), requiresIdentity: false), users: NoUsers())
  var spare: [HubAction] = []
  var link = LinkState.up
  /// The channel that the rules forbid, and the one without presence.
  var forbidden: ChannelName?
  var quiet: ChannelName?
  /// By slot: the generation of the connection that is open.
  var open: [UInt32: UInt32] = [:]
  var generations: [UInt32: UInt32] = [:]
  var places: [Key: Place] = [:]
  /// Channels that the broker was asked for, and those of them that it has confirmed.
  var wanted: Set<ChannelName> = []
  var confirmed: Set<ChannelName> = []
  /// Questions for a roster that the broker has not answered.
  var questions: [(session: SessionID, channel: ChannelName, entry: UInt64)] = []
  var readings: [Reading] = []
  var streams = Dictionary(uniqueKeysWithValues: HubSimulation.kept.map { ($0, Stream()) })
  /// From where on subscribes want what was missed, by number.
  var sinces: [Int: StreamPosition] = [:]
  /// Who is a member, by what the broker was told.
  var members: Set<Key> = []
  /// New subscribers that were answered now and for which there was not room for all that was held.
  var overrun: Set<Key> = []
  /// Who said who they are.
  var names: [SessionID: String] = [:]
  var requests = 0
  var events = 0
  /// How many commands took effect and how many events arrived: so that a test can see that it tested something.
  var effects = 0
  var arrivals = 0
  var recovered = 0
  var overruns = 0

  func session(_ slot: UInt32) -> SessionID {
    SessionID(slot: slot, generation: open[slot] ?? 0)
  }

  /// Client ids name slot and generation.
  func client(_ slot: UInt32) -> ClientID {
    ClientID("c-\(slot)-\(open[slot] ?? 0)")
  }

  func check(_ condition: Bool, _ what: @autoclosure () -> String) throws {
    if !condition { throw Violation(description: what()) }
  }

  // MARK: What happens

  mutating func open(_ slot: UInt32) throws {
    let generation = (generations[slot] ?? 0) + 1
    generations[slot] = generation
    open[slot] = generation
    hub.open(session(slot), client: client(slot), identity: nil, now: 0, wall: 0)
    try settle(closing: nil)
  }

  mutating func close(_ slot: UInt32) throws {
    let gone = session(slot)
    hub.close(gone, now: 0)
    try settle(closing: slot)
    open[slot] = nil
    places = places.filter { $0.key.slot != slot }
    try check(!members.contains { $0.slot == slot }, "a closed connection is still a member")
    // An answer that comes too late must change nothing.
    for question in questions where question.session == gone {
      answer(gone, question.channel, question.entry, .success(Roster(members: [], count: 0)))
    }
    questions.removeAll { $0.session == gone }
    for number in readings.indices.reversed() where readings[number].session == gone {
      try answerRead(number, success: true, waiting: 0)
    }
    try check(hub.actions.isEmpty, "something is done for a connection that has gone")
    try checkCounts()
  }

  mutating func run(
    _ command: Command, _ slot: UInt32, _ channel: ChannelName, since: StreamPosition? = nil
  ) throws {
    requests += 1
    sinces[requests] = since
    places[Key(slot: slot, channel: channel), default: Place()].commands.append((requests, command))
    let id = RequestID(json: "\(requests)")
    switch command {
    case .subscribe(let mode):
      let options = SubscribeOptions(mode, since: since.map { .position($0) })
      hub.subscribe(session(slot), to: channel, options, request: id)
    case .unsubscribe: hub.unsubscribe(session(slot), from: channel, request: id)
    case .publish(let echo):
      hub.publish(session(slot), to: channel, echo: echo, request: id) { _, _ in .finished(EventText(text: "own")) }
    case .presence: hub.presence(session(slot), of: channel, onlyCount: false, request: id)
    }
    try settle(closing: nil)
  }

  /// The rules forbid that channel from now on, and no other; and one has no presence.
  mutating func adopt(forbidden: ChannelName?, quiet: ChannelName?) throws {
    self.forbidden = forbidden
    self.quiet = quiet
    // A rule for which everybody would need a token that grants the channel: nobody here has one.
    let first = forbidden.flatMap { ChannelPattern($0.string) }.map { pattern in
      ChannelRule(match: pattern, publish: .server, subscribe: .token, signal: .server)
    }
    let second = quiet.flatMap { ChannelPattern($0.string) }.map { pattern in
      var rule = ChannelRule.standard(pattern, isOpen: true)
      rule.hasPresence = false
      return rule
    }
    let isKept = quiet.map { Self.kept.contains($0) } ?? false
    hub.adopt(Self.rules([first, isKept ? nil : second], quiet: quiet))
    try settle(closing: nil)
    for (key, place) in places {
      if key.channel == forbidden {
        try check(place.mode == nil && !place.isPending, "\(key) may still be in a channel that is forbidden")
      } else if key.channel == quiet {
        if case .subscribe(let mode)? = place.commands.first?.command {
          try check(mode == .none, "\(key) may still enter a channel without presence")
          // Its presence has ended, and its subscribe is still to be answered.
          if place.mode != nil { places[key]?.mode = PresenceMode.none }
        } else {
          try check(
            (place.mode ?? PresenceMode.none) == PresenceMode.none,
            "\(key) is still in the presence of a channel that has none")
        }
        try check(!members.contains(key), "\(key) is still a member")
      }
    }
  }

  /// The client says who it is. It may not while it is, or is about to be, in the presence of a channel as nobody.
  mutating func identify(_ slot: UInt32, as name: String) throws {
    let isIn = places.contains { key, place in
      guard key.slot == slot else { return false }
      let isToBe = place.commands.contains {
        if case .subscribe(let mode) = $0.command { mode != .none } else { false }
      }
      return isToBe || (place.mode ?? PresenceMode.none) != PresenceMode.none
    }
    let isFirst = names[session(slot)] == nil
    hub.verified(session(slot), .success(Identity(user: user(name))), request: nil, now: 0)
    hub.takeActions(reusing: &spare)
    switch spare.first {
    case .reply(_, .authenticated): names[session(slot)] = name
    case .reply(_, .error(let refusal)) where refusal.code == .badRequest:
      try check(isFirst && isIn, "refused for no reason")
    case .reply(_, .error(let refusal)) where refusal.code == .invalidToken:
      try check(!isFirst && names[session(slot)] != name, "refused for no reason")
    default: try check(false, "no answer")
    }
    try check(spare.count == 1, "more than an answer")
    spare = []
  }

  mutating func confirm(_ channel: ChannelName) throws {
    confirmed.insert(channel)
    if streams[channel]?.isFresh == true, let stream = streams[channel] {
      streams[channel]?.handed = (stream.epoch, stream.top)
      streams[channel]?.isFresh = false
    }
    hub.attached(channel)
    try settle(closing: nil)
  }

  mutating func answer(_ question: Int, success: Bool) throws {
    let (session, channel, entry) = questions.remove(at: question)
    let roster = Roster(members: [], count: 0)
    answer(session, channel, entry, success ? .success(roster) : .failure(Refusal(.unavailable, "Not now.")))
    try settle(closing: nil)
  }

  private mutating func answer(
    _ session: SessionID, _ channel: ChannelName, _ number: UInt64, _ result: Result<Roster, Refusal>
  ) {
    hub.answered(.subscribe(session, channel, attempt: number), result.map { .presence(channel, $0) })
  }

  mutating func change(link state: LinkState) throws {
    link = state
    hub.linkChanged(state)
    try settle(closing: nil)
  }

  mutating func loseSubscriptions() throws {
    confirmed = []
    hub.subscriptionsLost()
    try settle(closing: nil)
  }

  mutating func deliver(
    _ audience: Audience, _ channel: ChannelName, without excluded: UInt32?, _ mark: Mark = .none,
    large: Bool = false
  ) throws {
    events += 1
    let text = "\(channel) \(events) \(large ? String(repeating: "x", count: Self.capacity / 3) : "")"
    let event = event(text, mark, to: audience, without: excluded.map { client($0) })
    var expected: [UInt32] = []
    for (key, place) in places where key.channel == channel {
      if place.isHolding {
        places[key]?.heldBytes += event.text.count
        if key.slot != excluded, isAwaited(audience, mark, place) { places[key]?.backlog.append((events, audience)) }
      } else if let mode = place.mode, audience == .listeners || mode != .none {
        expected.append(key.slot)
      }
    }
    var lent: [UInt32] = []
    var left: [UInt32] = []
    hub.fanOut(event, of: channel) {
      lent = Array($0)
      left = $1
    }
    try check(lent.sorted() == expected.sorted(), "lent \(lent.sorted()) of \(channel), expected \(expected.sorted())")
    try check(left == (excluded.map { [$0] } ?? []).filter(expected.contains), "left out \(left)")
    arrivals += lent.count
    for slot in lent where !left.contains(slot) && mark.position != nil { try hear(mark, Key(slot: slot, channel: channel)) }
    try settle(closing: nil)
  }

  /// Whether an event without a place is to come behind the answer to a subscribe.
  private func isAwaited(_ audience: Audience, _ mark: Mark, _ place: Place) -> Bool {
    if mark.position != nil { return false }
    if place.mode != nil { return true }
    // What is over by then, and what the roster will have.
    return mark != .fleeting && (audience == .listeners || place.isEntering)
  }

  // MARK: What the hub wants done

  mutating func settle(closing: UInt32?) throws {
    hub.takeActions(reusing: &spare)
    for action in spare {
      do {
        try take(action, closing: closing)
      } catch let violation as Violation {
        let all = spare.map(Transcript.line).joined(separator: "; ")
        throw Violation(description: "\(violation): \(Transcript.line(action)), among: \(all)")
      }
    }
    for key in overrun { places[key]?.backlog = [] }
    overrun = []
    if closing == nil { try checkCounts() }
  }

  private mutating func take(_ action: HubAction, closing: UInt32?) throws {
    switch action {
    case .reply(let session, let reply): try take(reply, session)
    case .replay(let session, let channel, let epoch, let entries): try replayed(channel, epoch, entries, session)
    case .deliver(let session, _, let event): try delivered(event, session)
    case .ask(let asker, let question): try take(question, by: asker, closing: closing)
    case .report(let report): try take(report, closing: closing)
    case .close: try check(false, "nobody was to be closed")
    }
  }

  private mutating func take(_ report: LoopReport, closing: UInt32?) throws {
    switch report {
    case .attach(let channel):
      try check(wanted.insert(channel).inserted, "attached twice")
      streams[channel]?.isFresh = true
      confirmed.remove(channel)
    case .detach(let channel):
      try check(wanted.remove(channel) != nil, "detached without being attached")
      confirmed.remove(channel)
    case .update: try check(false, "nobody has other tokens")
    case .leave(let client, let channel, let lost):
      guard let slot = open.keys.first(where: { self.client($0) == client }) else {
        return try check(false, "who is that")
      }
      try check(lost == (closing == slot), "lost means that the connection has gone")
      members.remove(Key(slot: slot, channel: channel))
    case .connected, .disconnected, .announced: try check(false, "the shell tells of connections")
    }
  }

  private mutating func take(_ question: Question, by asker: Asker, closing: UInt32?) throws {
    switch (question, asker) {
    case (.enter(let occupant, let channel, let mode), .subscribe(let session, let name, let number))
    where name == channel:
      try check(open[session.slot] == session.generation && occupant.client == client(session.slot), "who is that")
      let key = Key(slot: session.slot, channel: channel)
      guard case .subscribe(mode)? = places[key]?.commands.first?.command else {
        return try check(false, "nobody asked")
      }
      try check(
        confirmed.contains(channel) || places[key]?.isReading == true, "entered before the channel was confirmed")
      try check(places[key]?.isEntering == false, "entered twice")
      places[key]?.isEntering = true
      questions.append((session, channel, number))
      if mode == .member { members.insert(key) }
    case (.publish(let publication), .command(let session, let id)):
      let command = try takeEffect(session, publication.channel, id, isClosing: closing == session.slot)
      guard case .publish(let echo) = command else { return try check(false, "not what was asked") }
      try check(publication.excluded == (echo ? nil : client(session.slot)), "the wrong one left out")
    case (.history(let channel, let query), .subscribe(let session, let name, let number)) where name == channel:
      try asked(session, channel, query, number)
    case (.presence(let channel, onlyCount: _), .command(let session, let id)):
      guard case .presence = try takeEffect(session, channel, id) else { return try check(false, "not what was asked") }
    case (.send, _): try check(false, "nobody has sent anything")
    case (.enter, _), (.publish, _), (.history, _), (.presence, _): try check(false, "not what was asked")
    }
  }

  private mutating func take(_ reply: Reply, _ session: SessionID) throws {
    switch reply {
    case .subscribed(let id, let channel, let stream, let roster):
      guard case .subscribe(let mode) = try takeEffect(session, channel, id) else {
        return try check(false, "not asked")
      }
      let key = Key(slot: session.slot, channel: channel)
      try check((roster != nil) == (mode != .none), "a roster for those who watch")
      let isHolding = places[key]?.isHolding == true
      try check(isHolding || confirmed.contains(channel), "answered before the channel was confirmed")
      try stand(key, stream, id.flatMap { Int($0.json) }.flatMap { sinces[$0] })
      // Only who was not in the channel can do without what there is no room for.
      if places[key]?.mode == nil, places[key]?.isOverrun == true {
        overrun.insert(key)
        overruns += 1
      }
      if mode == .none { places[key]?.backlog.removeAll { $0.audience == .watchers } }
      places[key]?.mode = mode
      places[key]?.endHolding()
    case .unsubscribed(let id, let channel):
      guard case .unsubscribe = try takeEffect(session, channel, id) else { return try check(false, "not asked") }
      places[Key(slot: session.slot, channel: channel)]?.mode = nil
      places[Key(slot: session.slot, channel: channel)]?.position = nil
    case .error(let refusal): try take(refusal, session)
    case .unsubscribedByServer(let channel):
      let key = Key(slot: session.slot, channel: channel)
      let isIn = (places[key]?.mode ?? PresenceMode.none) != PresenceMode.none
      try check(
        channel == forbidden && places[key]?.mode != nil || channel == quiet && isIn, "unsubscribed for no reason")
      places[key]?.mode = nil
      places[key]?.backlog = []
      places[key]?.position = nil
    case .published, .signalled, .presence, .history: try check(false, "the broker has not answered")
    case .connected, .sent, .authenticated, .expiring, .pong, .response, .drain:
      try check(false, "nobody has said anything")
    }
  }

  /// The client gets an event that was held back.
  private mutating func delivered(_ event: ChannelEvent, _ session: SessionID) throws {
    let words = event.text.string.split(separator: " ")
    let key = Key(slot: session.slot, channel: channel(String(words[0])))
    try check(places[key]?.mode != nil && places[key]?.isHolding == false, "let go too early")
    arrivals += 1
    if event.position != nil { return try hear(Mark(event), key) }
    if overrun.contains(key) {
      while let first = places[key]?.backlog.first, first.event != Int(words[1]) {
        places[key]?.backlog.removeFirst()
      }
    }
    try check(
      places[key]?.backlog.first?.event == Int(words[1]),
      "out of order, \(String(describing: places[key]?.backlog.first)) is next")
    places[key]?.backlog.removeFirst()
  }

  /// The client gets what it has missed.
  private mutating func replayed(
    _ channel: ChannelName, _ epoch: String, _ entries: [HistoryEntry], _ session: SessionID
  ) throws {
    for entry in entries {
      let key = Key(slot: session.slot, channel: channel)
      try check(entry.excluded != client(session.slot), "its own, without echo")
      try hear(.message(StreamPosition(epoch: epoch, offset: entry.offset)), key)
      arrivals += 1
    }
  }

  private mutating func take(_ refusal: Refusal, _ session: SessionID) throws {
    let asked = places.first { key, place in
      key.slot == session.slot && place.commands.first.map { "\($0.id)" } == refusal.id?.json
    }
    guard let key = asked?.key else { return try check(false, "no such command, or not its turn") }
    let command = try takeEffect(session, key.channel, refusal.id)
    if refusal.code == .forbidden {
      let needsPresence =
        switch command {
        case .subscribe(let mode): mode != .none
        case .presence: true
        case .unsubscribe, .publish: false
        }
      try check(key.channel == forbidden || key.channel == quiet && needsPresence, "forbidden for no reason")
      if case .unsubscribe = command { try check(false, "to go is not forbidden") }
      guard case .subscribe = command else { return }
      return settleRefusal(key)
    }
    guard case .subscribe = command else { return try check(false, "only a subscribe can fail here") }
    switch refusal.code {
    case .tooManyChannels:
      let used = places.count { $0.key.slot == key.slot && ($0.value.mode != nil || $0.value.isPending) }
      try check(used >= Self.maxChannels, "there was room")
    case .unavailable:
      try check(link == .down || places[key]?.isHolding == true, "refused for no reason")
      settleRefusal(key)
    default: try check(false, "no reason for that")
    }
  }

  /// A subscribe has been refused: all is as it was before it.
  private mutating func settleRefusal(_ key: Key) {
    places[key]?.endHolding()
    if places[key]?.mode == nil { places[key]?.backlog = [] }
    // Who was a plain listener stays one, and is told of nobody's coming and going.
    if places[key]?.mode == PresenceMode.none { places[key]?.backlog.removeAll { $0.audience == .watchers } }
  }

  /// A command has taken effect: it must be the oldest of its connection and channel.
  ///
  /// Of a connection that closes what was published is all that counts.
  private mutating func takeEffect(
    _ session: SessionID, _ channel: ChannelName, _ id: RequestID?, isClosing: Bool = false
  ) throws -> Command {
    try check(open[session.slot] == session.generation, "the connection has gone")
    let key = Key(slot: session.slot, channel: channel)
    if isClosing {
      while case .some(let oldest) = places[key]?.commands.first?.command {
        if case .publish = oldest { break }
        places[key]?.commands.removeFirst()
      }
    }
    guard let oldest = places[key]?.commands.first, "\(oldest.id)" == id?.json else {
      throw Violation(description: "not its turn")
    }
    places[key]?.commands.removeFirst()
    effects += 1
    return oldest.command
  }

  // MARK: What holds between two events

  private func checkCounts() throws {
    var used = 0
    for (key, place) in places {
      if place.mode != nil || place.isPending { used += 1 }
      try check(place.isHolding || place.backlog.isEmpty, "events of \(key) were not let go")
      guard let oldest = place.commands.first else { continue }
      guard case .subscribe = oldest.command else { return try check(false, "#\(oldest.id) waits for nothing") }
      try check(
        place.isHolding || (!confirmed.contains(key.channel) && link != .down), "#\(oldest.id) waits for nothing")
    }
    if !places.values.contains(where: \.isHolding) { try check(hub.bufferedCount == 0, "events are held for nobody") }
    try checkStands()
    if let fault = hub.check() { try check(false, fault) }
    try check(hub.subscriptionCount == used, "\(hub.subscriptionCount) subscriptions instead of \(used)")
    try check(hub.channelCount == wanted.count, "\(hub.channelCount) channels instead of \(wanted.count)")
    try check(hub.sessionCount == open.count, "\(hub.sessionCount) sessions instead of \(open.count)")
    try checkUsers()
  }

  /// Of whom each connection is.
  private func checkUsers() throws {
    for name in Set(names.values) {
      let slots = open.keys.filter { names[session($0)] == name }
      let found = hub.slots(of: .user(user(name)))
      try check(found.sorted() == slots.sorted(), "\(name) has \(found), not \(slots)")
    }
    let everybody = hub.slots(of: .everybody)
    try check(everybody == open.keys.sorted(), "everybody is \(everybody), not \(open.keys.sorted())")
  }
}
