import Model

/// A subscribe on its way: the channel is confirmed, its history read, its presence entered, and then it is answered.
///
/// From the confirmation on the connection is a listener, and what comes meanwhile is held for after the answer.
extension Hub {
  /// The channel of a pending subscribe is confirmed.
  mutating func attached(_ key: PendingKey) {
    guard let subscribe = pending[key], subscribe.stage == .attaching, let session = sessions[Int(key.slot)],
      let index = session.subscription(to: key.channel)
    else { return }
    if !session.subscriptions[index].isLive { makeLive(key.channel, slot: key.slot) }
    // A member stays one until the answer; who becomes one is told of others from before its roster is read.
    setMode(subscribe.previous == .member ? .member : subscribe.mode, key.channel, slot: key.slot)
    if let rule = channels[key.channel].rule, rule.history != nil {
      advance(key, to: .reading)
      read(firstQuery(subscribe, rule), key, session, subscribe)
    } else {
      enter(key)
    }
  }

  private func firstQuery(_ subscribe: PendingSubscribe, _ rule: ChannelRule) -> HistoryQuery {
    if let since = subscribe.wish.since { return .recover(since) }
    return rule.sendsLast && subscribe.previous == nil ? .newest(1) : .position
  }

  private mutating func read(
    _ query: HistoryQuery, _ key: PendingKey, _ session: Session, _ subscribe: PendingSubscribe
  ) {
    act(.ask(.readHistory(session.id, channels[key.channel].name, query, .subscribe(subscribe.serial))))
  }

  /// The channel's history has been read, or cannot be.
  mutating func read(_ key: PendingKey, serial: UInt64, _ result: Result<HistoryRead, Refusal>) {
    guard let subscribe = pending[key], subscribe.stage == .reading, subscribe.serial == serial,
      let session = sessions[Int(key.slot)]
    else { return }
    switch result {
    case .failure(let refusal): fail(key, refusal.code, refusal.message)
    case .success(let read):
      let isIncomplete = subscribe.wish.since != nil && !read.isComplete
      if isIncomplete, channels[key.channel].rule?.sendsLast == true {
        // Nothing of what was missed, then, but the newest, as for everybody who comes.
        pending[key]?.wish.since = nil
        return self.read(.newest(1), key, session, subscribe)
      }
      pending[key]?.read = read
      enter(key)
    }
  }

  /// Asks for the roster where the connection takes part in presence; else all is known.
  private mutating func enter(_ key: PendingKey) {
    guard let subscribe = pending[key], let session = sessions[Int(key.slot)] else { return }
    guard subscribe.mode != .none else { return finish(key, roster: nil) }
    advance(key, to: .entering)
    // What the issuer of the token has vouched for its holder cannot put something else in the place of.
    let info = session.identity?.info ?? subscribe.wish.info
    let occupant = Occupant(client: session.client, user: session.user, info: info)
    act(.ask(.enter(session.id, occupant, channels[key.channel].name, subscribe.mode, entry: subscribe.serial)))
  }

  private mutating func advance(_ key: PendingKey, to stage: PendingSubscribe.Stage) {
    if pending[key]?.stage == .attaching { channels[key.channel].holding += 1 }
    pending[key]?.stage = stage
  }

  /// Answers a subscribe, lets go what was held for it and runs what waited behind it.
  mutating func finish(_ key: PendingKey, roster: Roster?) {
    guard let subscribe = takePending(key), let session = sessions[Int(key.slot)] else { return }
    let name = channels[key.channel].name
    if subscribe.previous == .member, subscribe.mode != .member { act(.ask(.leave(session.client, name, lost: false))) }
    setMode(subscribe.mode, key.channel, slot: key.slot)
    if let read = subscribe.read {
      answer(subscribe, read, roster, session, name)
    } else {
      act(.reply(session.id, .subscribed(id: subscribe.id, name, nil, roster)))
      letGo(subscribe.held.events, session, name)
    }
    run(subscribe.deferred, session.id, name)
  }

  /// The answer in a channel that keeps history: what was missed, or where it stands, and then what has come since.
  private mutating func answer(
    _ subscribe: PendingSubscribe, _ read: HistoryRead, _ roster: Roster?, _ session: Session, _ name: ChannelName
  ) {
    var position = read.top
    var entries: [HistoryEntry] = []
    let isRecovered = subscribe.wish.since != nil && read.isComplete && !subscribe.held.hasGivenUp
    if subscribe.previous != nil {
      // It has listened all the time: everything that was held is news to it.
      if let first = subscribe.held.first, first.epoch == position.epoch, first.offset <= position.offset {
        position.offset = first.offset - 1
      }
    } else if let lost = subscribe.held.lastLeftOut {
      position = lost
    } else {
      entries = read.entries
      if let first = entries.first { position.offset = first.offset - 1 }
    }
    let stream = SubscribedStream(position: position, isRecovered: isRecovered)
    act(.reply(session.id, .subscribed(id: subscribe.id, name, stream, roster)))
    entries.removeAll { $0.excluded == session.client }
    if !entries.isEmpty { act(.reply(session.id, .replay(name, entries))) }
    letGo(
      subscribe.previous == nil ? subscribe.held.events(behind: read.top) : subscribe.held.events, session, name)
  }

  private mutating func letGo(_ events: [HeldEvent], _ session: Session, _ name: ChannelName) {
    for event in events { act(.reply(session.id, .event(name, event.audience, event.frame, event.mark))) }
  }

  /// Refuses a subscribe, puts everything back as it was and runs what waited behind it.
  ///
  /// `missing` is an event that could not be held: who took part before gets it all the same.
  mutating func fail(
    _ key: PendingKey, _ code: ErrorCode, _ message: String, missing: HeldEvent? = nil
  ) {
    guard let subscribe = takePending(key), let session = sessions[Int(key.slot)] else { return }
    let name = channels[key.channel].name
    refuse(session.id, id: subscribe.id, code, message)
    if let previous = subscribe.previous {
      if subscribe.mode == .member, previous != .member { act(.ask(.leave(session.client, name, lost: false))) }
      setMode(previous, key.channel, slot: key.slot)
      let events = subscribe.held.events + (missing.map { [$0] } ?? [])
      for event in events where event.audience == .listeners || previous != .none {
        act(.reply(session.id, .event(name, event.audience, event.frame, event.mark)))
      }
    } else {
      drop(key.channel, of: key.slot, lost: false)
    }
    run(subscribe.deferred, session.id, name)
  }

  private mutating func run(_ commands: [DeferredCommand], _ id: SessionID, _ name: ChannelName) {
    for command in commands {
      switch command {
      case .subscribe(let wish, let request): subscribe(id, to: name, wish, request: request)
      case .unsubscribe(let request): unsubscribe(id, from: name, request: request)
      case .publish(let publication, let request): publishWaiting(publication, id, request: request)
      case .presence(let onlyCount, let request):
        presence(id, of: name, onlyCount: onlyCount, request: request)
      case .history(let since, let limit, let request):
        history(id, of: name, since: since, limit: limit, request: request)
      }
    }
  }
}
