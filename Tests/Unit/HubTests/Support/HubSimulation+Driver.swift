import Cluster
import Hub
import Model
import TestSupport

/// What can happen: what clients do, and what the broker answers and delivers.
extension HubSimulation {
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
      hub.publish(session(slot), to: channel, echo: echo, request: id) { _ in .finished(EventText(text: "own")) }
    case .presence: hub.presence(session(slot), of: channel, onlyCount: false, request: id)
    case .put, .take: try check(false, "the server's")
    }
    try settle(closing: nil)
  }

  /// The rules forbid that channel from now on, and no other; and one has no presence.
  mutating func adopt(forbidden: ChannelName?, quiet: ChannelName?) throws {
    self.forbidden = forbidden
    self.quiet = quiet
    // A rule for which everybody would need a token that grants the channel: nobody here has one.
    let first = forbidden.flatMap { name in
      ChannelPattern(name.string).map { pattern in
        var rule = ChannelRule(match: pattern, publish: .server, subscribe: .token, signal: .server)
        if Self.kept.contains(name) { rule.history = HistoryRule(size: Self.size, timeToLive: 1000) }
        rule.sendsLast = name == Self.last
        return rule
      }
    }
    let second = quiet.flatMap { ChannelPattern($0.string) }.map { pattern in
      var rule = ChannelRule.standard(pattern, isOpen: true)
      rule.hasPresence = false
      return rule
    }
    let isKept = quiet.map { Self.kept.contains($0) } ?? false
    hub.adopt(Self.rules([first, isKept ? nil : second], quiet: quiet))
    try settle(closing: nil)
    for (key, place) in places where !place.isByServer {
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
        switch $0.command {
        case .subscribe(let mode), .put(let mode, hasBegun: _): mode != .none
        case .unsubscribe, .publish, .presence, .take: false
        }
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
      streams[channel]?.handed = (stream.epoch, stream.latest)
      streams[channel]?.isFresh = false
    }
    hub.attached(channel)
    try settle(closing: nil)
  }

  mutating func answer(_ question: Int, success: Bool) throws {
    let (session, channel, entry) = questions.remove(at: question)
    let roster = Roster(members: [], count: 0)
    if !success {
      let asked = Key(slot: session.slot, channel: channel)
      failPuts { key, place in key == asked && place.attempt == entry && place.isEntering }
    }
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
    hub.linkChanged(state, in: 0)
    if state == .down { failPuts { _, place in !place.isHolding } }
    try settle(closing: nil)
  }

  mutating func loseSubscriptions() throws {
    confirmed = []
    hub.subscriptionsLost(in: 0)
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
    // For who comes a signal is over, so that it is kept only where somebody is there already.
    let isKept =
      mark != .fleeting || places.contains { $0.key.channel == channel && $0.value.isHolding && $0.value.mode != nil }
    for (key, place) in places where key.channel == channel {
      if place.isHolding {
        places[key]?.heldBytes += event.text.count
        if place.isEntering, isKept { places[key]?.enteredBytes += event.text.count }
        if key.slot == excluded, audience == .watchers { places[key]?.lastOwn = events }
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
    for slot in lent where !left.contains(slot) && mark.position != nil {
      try hear(mark, Key(slot: slot, channel: channel))
    }
    failPuts { key, place in key.channel == channel && place.mustFail }
    try settle(closing: nil)
  }

  /// Whether an event without a place is to come behind the answer to a subscribe.
  private func isAwaited(_ audience: Audience, _ mark: Mark, _ place: Place) -> Bool {
    if mark.position != nil { return false }
    if place.mode != nil { return true }
    // What is over by then, and what the roster will have.
    return mark != .fleeting && (audience == .listeners || place.isEntering)
  }
}
