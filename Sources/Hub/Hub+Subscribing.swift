import Cluster
import Model

/// A subscribe on its way: the channel is confirmed, its history read, its presence entered, and then it is answered.
///
/// From the confirmation on what comes is buffered for after the answer, when the connection becomes a listener. One that was a
/// listener before is set aside for that time.
extension Hub {
  /// The channel of a pending subscribe is confirmed.
  mutating func attached(_ key: PendingKey) {
    guard let subscribe = pending[key], subscribe.stage == .attaching, let session = sessions[key.slot] else {
      return
    }
    // A member stays one until the answer; who becomes one is told of others from before its roster is read.
    membership.setMode(subscribe.previous == .member ? .member : subscribe.mode, key.channel, slot: key.slot)
    if let rule = channels[key.channel].rule, rule.history != nil {
      advance(key, to: .reading)
      read(firstQuery(subscribe, rule), key, session, subscribe)
    } else {
      enter(key)
    }
  }

  private func firstQuery(_ subscribe: PendingSubscribe, _ rule: ChannelRule) -> HistoryQuery {
    if let since = subscribe.options.since { return .recover(since) }
    return rule.sendsLast && subscribe.previous == nil ? .newest(1) : .position
  }

  private mutating func ask(
    _ question: Question, _ key: PendingKey, _ session: Session, _ subscribe: PendingSubscribe
  ) {
    let asker = Asker.subscribe(session.id, channels[key.channel].name, attempt: subscribe.attempt)
    act(.ask(asker, question))
  }

  private mutating func read(
    _ query: HistoryQuery, _ key: PendingKey, _ session: Session, _ subscribe: PendingSubscribe
  ) {
    ask(.history(channels[key.channel].name, query), key, session, subscribe)
  }

  /// What a pending subscribe has asked is answered.
  mutating func answered(_ key: PendingKey, _ result: Result<Answer, Refusal>, waiting: Int) {
    guard let subscribe = pending[key] else { return }
    switch (subscribe.stage, result) {
    case (.reading, .success(.history(_, let read))): self.read(key, subscribe, read, waiting: waiting)
    case (.entering, .success(.presence(_, let roster))): finish(key, roster: roster)
    case (.reading, .failure(let refusal)), (.entering, .failure(let refusal)):
      fail(key, refusal.code, refusal.message)
    case (.reading, .success), (.entering, .success), (.attaching, _): break
    }
  }

  private mutating func read(_ key: PendingKey, _ subscribe: PendingSubscribe, _ read: HistoryRead, waiting: Int) {
    guard let session = sessions[key.slot] else { return }
    var read = read
    if subscribe.options.since != nil, !(read.isComplete && hasRoom(for: read, session, waiting)) {
      read = HistoryRead(latest: read.latest)
      if channels[key.channel].rule?.sendsLast == true {
        // Nothing of what was missed, then, but the newest, as for everybody who comes.
        pending.modify(key) { $0.options.since = nil }
        return self.read(.newest(1), key, session, subscribe)
      }
    }
    pending.modify(key) { $0.read = read }
    enter(key)
  }

  /// Whether a connection that has so many bytes of recoveries waiting may be given another one: always, if they are none.
  private func hasRoom(for read: HistoryRead, _ session: Session, _ waiting: Int) -> Bool {
    guard !read.entries.isEmpty else { return true }
    // Those of its other channels, too, whose members are being read.
    let all = session.subscriptions.reduce(waiting) { sum, subscription in
      let key = PendingKey(slot: session.id.slot, channel: subscription.channel)
      return sum + (pending[key]?.read?.byteCount ?? 0)
    }
    return all == 0 || all + read.byteCount <= limits.maxRecovery
  }

  /// Asks for the roster where the connection takes part in presence; else all is known.
  private mutating func enter(_ key: PendingKey) {
    guard let subscribe = pending[key], let session = sessions[key.slot] else { return }
    guard subscribe.mode != .none else { return finish(key, roster: nil) }
    // What a member shows stays, where the server puts it there again and does not say what to show.
    if subscribe.isByServer, subscribe.previous == .member, subscribe.options.info == nil {
      return finish(key, roster: nil)
    }
    advance(key, to: .entering)
    // What the issuer of the token has vouched for its holder cannot put something else in the place of.
    let info = session.identity?.info ?? subscribe.options.info
    let connection = MemberConnection(client: session.client, user: session.user, info: info)
    ask(.enter(connection, channels[key.channel].name, subscribe.mode), key, session, subscribe)
  }

  private mutating func advance(_ key: PendingKey, to stage: PendingSubscribe.Stage) {
    if pending[key]?.stage == .attaching { beginBuffering(key) }
    pending.modify(key) { $0.stage = stage }
    if stage == .entering, pending[key]?.requiredFrom == nil, let end = buffered[key.channel]?.end { need(end, key) }
  }

  // MARK: Buffering

  private mutating func beginBuffering(_ key: PendingKey) {
    channels[key.channel].buffering += 1
    if buffered[key.channel] == nil { buffered[key.channel] = BufferedEvents() }
    let start = buffered[key.channel]?.end ?? 0
    pending.modify(key) { $0.start = start }
    guard pending[key]?.previous != nil else { return }
    buffered.modify(key.channel) { $0.renewals += 1 }
    membership.setAside(key.channel, slot: key.slot)
    need(start, key)
  }

  /// The subscribe can do without none of the events from that number on.
  private mutating func need(_ number: Int, _ key: PendingKey) {
    pending.modify(key) { $0.requiredFrom = number }
    buffered.modify(key.channel) { $0.requiredFrom = min($0.requiredFrom, number) }
  }

  /// A subscribe for which events were buffered is over.
  mutating func endBuffering(_ subscribe: PendingSubscribe, _ channel: ChannelIndex) {
    channels[channel].buffering -= 1
    if subscribe.previous != nil { buffered.modify(channel) { $0.renewals -= 1 } }
    if channels[channel].buffering == 0 { buffered[channel] = nil }
  }

  /// Drops the oldest events where too much is buffered. Subscribes that need them are refused: who listened before gets all
  /// that was buffered for it, and the others do not come in.
  mutating func makeRoom(in channel: ChannelIndex) {
    guard let limit = buffered[channel]?.firstThatFits else { return }
    if let least = buffered[channel]?.requiredFrom, least < limit {
      var mustFail: [PendingKey] = []
      var next = Int.max
      for slot in channels[channel].pending {
        let key = PendingKey(slot: slot, channel: channel)
        guard let number = pending[key]?.requiredFrom else { continue }
        if number < limit { mustFail.append(key) } else { next = min(next, number) }
      }
      buffered.modify(channel) { $0.requiredFrom = next }
      for key in mustFail { fail(key, .unavailable, "Too many messages arrived while the subscription was set up.") }
    }
    buffered[channel]?.trim()
  }

  /// What was buffered for a subscribe that is to end now, for somebody who takes part in that way.
  ///
  /// `isAnswered`: with a roster.
  private func share(of key: PendingKey, _ mode: PresenceMode, isAnswered: Bool) -> BufferedShare {
    guard let subscribe = pending[key], subscribe.stage != .attaching, let events = buffered[key.channel],
      let session = sessions[key.slot]
    else { return BufferedShare(events: []) }
    return events.share(
      since: subscribe.start, roster: mode == .none ? nil : subscribe.requiredFrom,
      publisher: [session.client, publisher(session)],
      isRenewal: subscribe.previous != nil, isAnswered: isAnswered)
  }

  // MARK: The end

  /// Answers a subscribe, delivers what was held for it and runs what waited behind it.
  mutating func finish(_ key: PendingKey, roster: Roster?) {
    let share = share(of: key, pending[key]?.mode ?? .none, isAnswered: roster != nil)
    guard let subscribe = takePending(key), let session = sessions[key.slot] else { return }
    let name = channels[key.channel].name
    if subscribe.previous == .member, subscribe.mode != .member {
      act(.report(.leave(session.client, name, lost: false)))
    }
    listen(key, subscribe.mode)
    if let read = subscribe.read {
      answer(subscribe, read, share, roster, session, name)
    } else {
      act(.reply(session.id, .subscribed(id: subscribe.id, name, nil, roster, byServer: subscribe.isByServer)))
      deliver(share.events, session, name)
    }
    run(subscribe.deferred, session.id, name)
  }

  /// The connection is in the channel from now on, if it was not before, and takes part in that way.
  private mutating func listen(_ key: PendingKey, _ mode: PresenceMode) {
    guard let subscription = membership.subscription(key.slot, in: key.channel) else { return }
    if subscription.listener < 0 { membership.makeLive(key.channel, slot: key.slot) }
    membership.setMode(mode, key.channel, slot: key.slot)
  }

  /// The answer in a channel that keeps history: what was missed, or where it stands, and then what has come since.
  private mutating func answer(
    _ subscribe: PendingSubscribe, _ read: HistoryRead, _ share: BufferedShare, _ roster: Roster?, _ session: Session,
    _ name: ChannelName
  ) {
    let isRecovered = subscribe.asksForMissed ? subscribe.options.since != nil && read.isComplete : nil
    var stream = SubscribedStream(position: read.latest, isRecovered: isRecovered)
    var entries: [HistoryEntry] = []
    var events = share.events
    if subscribe.previous != nil {
      // It has listened all the time: everything that was buffered is news to it.
      if let start = share.start { stream.position = start }
    } else if let lost = share.lost, share.hasHole(from: read.latest) {
      stream = SubscribedStream(position: lost, isRecovered: isRecovered.map { _ in false })
    } else {
      entries = read.entries
      if let first = entries.first { stream.position.offset = first.offset - 1 }
      events = share.behind(read.latest)
    }
    act(.reply(session.id, .subscribed(id: subscribe.id, name, stream, roster, byServer: subscribe.isByServer)))
    entries.removeAll { $0.excluded == session.client || $0.excluded == publisher(session) }
    if !entries.isEmpty { act(.replay(session.id, name, epoch: read.latest.epoch, entries)) }
    deliver(events, session, name)
  }

  private mutating func deliver(_ events: [ChannelEvent], _ session: Session, _ name: ChannelName) {
    for event in events { act(.deliver(session.id, name, event)) }
  }

  /// Refuses a subscribe, puts everything back as it was and runs what waited behind it.
  mutating func fail(_ key: PendingKey, _ code: ErrorCode, _ message: String) {
    let share = share(of: key, pending[key]?.previous ?? .none, isAnswered: false)
    guard let subscribe = takePending(key), let session = sessions[key.slot] else { return }
    let name = channels[key.channel].name
    // Of what it has not asked for the client learns when it is done; the owner's stream has asked by being opened.
    if !subscribe.isByServer || guests.contains(session.id.slot) { refuse(session, subscribe.id, name, code, message) }
    if let previous = subscribe.previous {
      if subscribe.mode == .member, previous != .member { act(.report(.leave(session.client, name, lost: false))) }
      listen(key, previous)
      deliver(share.events, session, name)
    } else {
      drop(key.channel, of: key.slot, lost: false)
    }
    run(subscribe.deferred, session.id, name)
  }

  private mutating func run(_ commands: [DeferredCommand], _ id: SessionID, _ name: ChannelName) {
    for command in commands {
      switch command {
      case .subscribe(let options, let request): subscribe(id, to: name, options, request: request)
      case .unsubscribe(let request): unsubscribe(id, from: name, request: request)
      case .publish(let publication, let request): publishWaiting(publication, id, request: request)
      case .presence(let onlyCount, let request):
        presence(id, of: name, onlyCount: onlyCount, request: request)
      case .history(let since, let limit, let request):
        history(id, of: name, since: since, limit: limit, request: request)
      case .put(let options): _ = put(id, into: name, options)
      case .take: _ = take(id, outOf: name)
      }
    }
  }
}
