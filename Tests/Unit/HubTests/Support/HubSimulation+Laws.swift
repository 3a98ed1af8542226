import Cluster
import Hub
import Model
import TestSupport

/// What the hub does must fit what has happened; the laws stand before `HubSimulation`.
extension HubSimulation {
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
    guard closing == nil else { return }
    for key in Array(places.keys) { takeTurns(key) }
    try checkCounts()
  }

  mutating func take(_ action: HubAction, closing: UInt32?) throws {
    switch action {
    case .reply(let session, let reply): try take(reply, session)
    case .replay(let session, let channel, let epoch, let entries): try replayed(channel, epoch, entries, session)
    case .deliver(let session, _, let event): try delivered(event, session)
    case .ask(let asker, let question): try take(question, by: asker, closing: closing)
    case .report(let report): try take(report, closing: closing)
    case .close: try check(false, "nobody was to be closed")
    }
  }

  mutating func take(_ report: LoopReport, closing: UInt32?) throws {
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
    case .connected, .disconnected, .openConnections: try check(false, "the shell tells of connections")
    }
  }

  mutating func take(_ question: Question, by asker: Asker, closing: UInt32?) throws {
    switch (question, asker) {
    case (.enter(let connection, let channel, let mode), .subscribe(let session, let name, let number))
    where name == channel:
      try check(open[session.slot] == session.generation && connection.client == client(session.slot), "who is that")
      let key = Key(slot: session.slot, channel: channel)
      takeTurns(key)
      switch places[key]?.commands.first?.command {
      case .subscribe(mode), .put(mode, hasBegun: true): break
      case .subscribe, .unsubscribe, .publish, .presence, .put, .take, nil: return try check(false, "nobody asked")
      }
      try check(
        confirmed.contains(channel) || places[key]?.isReading == true, "entered before the channel was confirmed")
      try check(places[key]?.isEntering == false, "entered twice")
      places[key]?.isEntering = true
      places[key]?.attempt = number
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
    case (.counts, _), (.connections, _), (.kept, _), (.clear, _), (.survey, _):
      try check(false, "the control plane asks that")
    case (.enter, _), (.publish, _), (.history, _), (.presence, _): try check(false, "not what was asked")
    }
  }

  mutating func take(_ reply: Reply, _ session: SessionID) throws {
    switch reply {
    case .subscribed(let id, let channel, let stream, let roster, let byServer):
      let mode: PresenceMode
      switch try takeEffect(session, channel, id) {
      case .subscribe(let asked):
        mode = asked
        try check(!byServer, "the client has asked")
      case .put(let meant, hasBegun: true):
        mode = meant
        puts += 1
        try check(byServer, "nobody has asked")
      case .unsubscribe, .publish, .presence, .put, .take: return try check(false, "not asked")
      }
      let key = Key(slot: session.slot, channel: channel)
      // Who is a member and is put there again only stays one.
      let isKept = byServer && mode == .member && places[key]?.mode == .member
      try check((roster != nil) == (mode != .none && !isKept), "a roster for those who watch")
      let isHolding = places[key]?.isHolding == true
      try check(isHolding || confirmed.contains(channel), "answered before the channel was confirmed")
      try stand(key, stream, id.flatMap { Int($0.json) }.flatMap { sinces[$0] })
      // Only who was not in the channel can do without what there is no room for.
      if places[key]?.mode == nil, places[key]?.isOverrun == true {
        overrun.insert(key)
        overruns += 1
      }
      let known = mode == .none ? Int.max : isKept ? 0 : places[key]?.lastOwn ?? 0
      places[key]?.backlog.removeAll { $0.audience == .watchers && $0.event < known }
      places[key]?.mode = mode
      places[key]?.endHolding()
    case .unsubscribed(let id, let channel):
      guard case .unsubscribe = try takeEffect(session, channel, id) else { return try check(false, "not asked") }
      places[Key(slot: session.slot, channel: channel)]?.mode = nil
      places[Key(slot: session.slot, channel: channel)]?.isByServer = false
      places[Key(slot: session.slot, channel: channel)]?.position = nil
    case .error(let refusal): try take(refusal, session)
    case .unsubscribedByServer(let channel): try tookOut(session, channel)
    case .published, .signalled, .presence, .history: try check(false, "the broker has not answered")
    case .connected, .sent, .authenticated, .expiring, .pong, .response, .rpc, .drain:
      try check(false, "nobody has said anything")
    }
  }

  /// The client gets an event that was held back.
  mutating func delivered(_ event: ChannelEvent, _ session: SessionID) throws {
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
  mutating func replayed(
    _ channel: ChannelName, _ epoch: String, _ entries: [HistoryEntry], _ session: SessionID
  ) throws {
    for entry in entries {
      let key = Key(slot: session.slot, channel: channel)
      try check(entry.excluded != client(session.slot), "its own, without echo")
      try hear(.message(StreamPosition(epoch: epoch, offset: entry.offset)), key)
      arrivals += 1
    }
  }

  mutating func take(_ refusal: Refusal, _ session: SessionID) throws {
    takeTurns(ofSlot: session.slot)
    let asked = places.first { key, place in
      key.slot == session.slot && place.commands.first.map { "\($0.id)" } == refusal.id?.json
    }
    guard let key = asked?.key else { return try check(false, "no such command, or not its turn") }
    let isByServer = places[key]?.isByServer == true
    let command = try takeEffect(session, key.channel, refusal.id)
    if refusal.code == .forbidden {
      let needsPresence =
        switch command {
        case .subscribe(let mode): mode != .none
        case .presence: true
        case .unsubscribe, .publish, .put, .take: false
        }
      try check(key.channel == forbidden || key.channel == quiet && needsPresence, "forbidden for no reason")
      // Publishing, and the past, are up to its rights all the same.
      let isElse =
        if case .publish = command { true } else {
          refusal.id.flatMap { Int($0.json) }.map { sinces[$0] != nil } ?? false
        }
      try check(!isByServer || isElse, "the server has put it there")
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
  mutating func settleRefusal(_ key: Key) {
    places[key]?.endHolding()
    if places[key]?.mode == nil {
      places[key]?.backlog = []
      places[key]?.isByServer = false
    }
    // Who was a plain listener stays one, and is told of nobody's coming and going.
    if places[key]?.mode == PresenceMode.none { places[key]?.backlog.removeAll { $0.audience == .watchers } }
  }

  /// A command has taken effect: it must be the oldest of its connection and channel.
  ///
  /// Of a connection that closes what was published is all that counts.
  mutating func takeEffect(
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
    if !isClosing { takeTurns(key) }
    guard let oldest = places[key]?.commands.first, oldest.command.isServers ? id == nil : "\(oldest.id)" == id?.json
    else {
      throw Violation(description: "not its turn")
    }
    places[key]?.commands.removeFirst()
    effects += 1
    return oldest.command
  }

  // MARK: What holds between two events

  mutating func checkCounts() throws {
    var used = 0
    for (key, place) in places {
      if place.mode != nil || place.isPending { used += 1 }
      try check(place.isHolding || place.backlog.isEmpty, "events of \(key) were not let go")
      guard let oldest = place.commands.first else { continue }
      switch oldest.command {
      case .subscribe, .put(_, hasBegun: true): break
      case .unsubscribe, .publish, .presence, .put, .take: try check(false, "#\(oldest.id) waits for nothing")
      }
      try check(
        place.isHolding || (!confirmed.contains(key.channel) && link != .down), "#\(oldest.id) waits for nothing")
    }
    if !places.values.contains(where: \.isHolding) { try check(hub.bufferedCount == 0, "events are held for nobody") }
    try checkStands()
    // It takes as long as all the rest.
    settled += 1
    if settled.isMultiple(of: 16), let fault = hub.check() { try check(false, fault) }
    try check(hub.subscriptionCount == used, "\(hub.subscriptionCount) subscriptions instead of \(used)")
    try check(hub.channelCount == wanted.count, "\(hub.channelCount) channels instead of \(wanted.count)")
    try check(hub.sessionCount == open.count, "\(hub.sessionCount) sessions instead of \(open.count)")
    try checkUsers()
  }

  /// Of whom each connection is.
  func checkUsers() throws {
    for name in Set(names.values) {
      let slots = open.keys.filter { names[session($0)] == name }
      let found = hub.slots(of: .user(user(name)))
      try check(found.sorted() == slots.sorted(), "\(name) has \(found), not \(slots)")
    }
    let everybody = hub.slots(of: .everybody)
    try check(everybody == open.keys.sorted(), "everybody is \(everybody), not \(open.keys.sorted())")
  }
}
