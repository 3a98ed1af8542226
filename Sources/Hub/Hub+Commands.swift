import Model

/// What clients ask for.
extension Hub {
  /// Subscribes a connection to a channel, or changes how it takes part in presence there.
  package mutating func subscribe(
    _ id: SessionID, to name: ChannelName, presence mode: PresenceMode, info: String?, request: RequestID?
  ) {
    guard let session = session(id) else { return }
    let known = channels.index(of: name)
    if let known, wait(.subscribe(mode, info: info, id: request), id, known) { return }
    guard permit(.subscribe, in: name, known, session, request) else { return }
    guard mode == .none || permit(.presence, in: name, known, session, request) else { return }
    if let channel = known, let index = session.subscription(to: channel) {
      if session.subscriptions[index].isLive {
        guard isReachable(channel) else { return refuseUnreachable(id, request) }
        begin(id, channel, mode: mode, info: info, request: request)
        return
      }
    }
    guard session.subscriptions.count < limits.maxChannels else {
      refuse(id, id: request, .tooManyChannels, "A connection may subscribe to at most \(limits.maxChannels) channels.")
      return
    }
    let (channel, isNew) = channels.intern(name, rule: rule(for: name, known))
    guard isReachable(channel) else {
      if isNew { channels.remove(channel) }
      return refuseUnreachable(id, request)
    }
    if isNew { act(.ask(.attach(name))) }
    reserve(channel, slot: id.slot)
    begin(id, channel, mode: mode, info: info, request: request)
  }

  /// Ends a subscription; succeeds where there is none, too.
  package mutating func unsubscribe(_ id: SessionID, from name: ChannelName, request: RequestID?) {
    guard let session = session(id), permitsSpeaking(session, request) else { return }
    if let channel = channels.index(of: name), session.subscription(to: channel) != nil {
      if wait(.unsubscribe(id: request), id, channel) { return }
      drop(channel, of: id.slot, lost: false)
    }
    act(.reply(id, .unsubscribed(id: request, name)))
  }

  /// Hands a message to the broker; `frame` makes the event and is called only when the message may go.
  package mutating func publish(
    _ id: SessionID, to name: ChannelName, echo: Bool, isBinary: Bool = false, request: RequestID?, frame: () -> Frame
  ) {
    let channel = channels.index(of: name)
    guard let session = session(id) else { return }
    let isWaiting = channel.map { pending[PendingKey(slot: id.slot, channel: $0)] != nil } ?? false
    guard isWaiting || permit(.publish, in: name, channel, session, request) else { return }
    let publication = Publication(
      channel: name, frame: frame(), excluded: echo ? nil : session.client, isBinary: isBinary)
    if isWaiting, let channel, wait(.publish(publication, id: request), id, channel) { return }
    act(.ask(.publish(id, request, publication)))
  }

  /// Asks who is in a channel.
  package mutating func presence(_ id: SessionID, of name: ChannelName, onlyCount: Bool, request: RequestID?) {
    let channel = channels.index(of: name)
    guard let session = session(id) else { return }
    if let channel, wait(.presence(onlyCount: onlyCount, id: request), id, channel) { return }
    guard permit(.presence, in: name, channel, session, request) else { return }
    act(.ask(.queryPresence(id, request, name, onlyCount: onlyCount)))
  }

  // MARK: -

  /// Whether a subscribe to the channel can be answered: it is confirmed, or may soon be.
  private func isReachable(_ channel: ChannelIndex) -> Bool {
    link != .down || channels[channel].isAttached
  }

  private mutating func refuseUnreachable(_ id: SessionID, _ request: RequestID?) {
    refuse(id, id: request, .unavailable, Self.unreachable)
  }

  static let unreachable = "The channel cannot be reached now; nothing was subscribed."

  /// Puts a command behind a subscribe of the same connection to the same channel; false when there is none.
  private mutating func wait(_ command: DeferredCommand, _ id: SessionID, _ channel: ChannelIndex) -> Bool {
    let key = PendingKey(slot: id.slot, channel: channel)
    guard pending[key] != nil else { return false }
    if pending[key]?.put(command) == false {
      let refusal = Refusal(
        id: command.id, .rateLimited, "Too much waits for the subscribe before it.", retryAfter: 1000)
      act(.reply(id, .error(refusal)))
    }
    return true
  }

  /// Starts a subscribe whose place in the channel is there.
  private mutating func begin(
    _ id: SessionID, _ channel: ChannelIndex, mode: PresenceMode, info: String?, request: RequestID?
  ) {
    let key = PendingKey(slot: id.slot, channel: channel)
    subscribes += 1
    pending[key] = PendingSubscribe(
      serial: subscribes, stage: .attaching, id: request, mode: mode, info: info,
      previous: previousMode(id.slot, channel))
    channels[channel].pending.append(id.slot)
    if channels[channel].isAttached { attached(key) }
  }

  private func previousMode(_ slot: UInt32, _ channel: ChannelIndex) -> PresenceMode? {
    guard let session = sessions[Int(slot)], let index = session.subscription(to: channel) else { return nil }
    return session.subscriptions[index].isLive ? session.subscriptions[index].mode : nil
  }

  /// The channel of a pending subscribe is confirmed: answers it, or asks for the roster first.
  mutating func attached(_ key: PendingKey) {
    guard let subscribe = pending[key], subscribe.stage == .attaching, let session = sessions[Int(key.slot)],
      let index = session.subscription(to: key.channel)
    else { return }
    if !session.subscriptions[index].isLive { makeLive(key.channel, slot: key.slot) }
    // A member stays one until the answer; who becomes one is told of others from before its roster is read.
    setMode(subscribe.previous == .member ? .member : subscribe.mode, key.channel, slot: key.slot)
    guard subscribe.mode != .none else { return finish(key, roster: nil) }
    pending[key]?.stage = .entering
    channels[key.channel].entering += 1
    // What the issuer of the token has vouched for its holder cannot put something else in the place of.
    let info = session.identity?.info ?? subscribe.info
    let occupant = Occupant(client: session.client, user: session.user, info: info)
    act(.ask(.enter(session.id, occupant, channels[key.channel].name, subscribe.mode, entry: subscribe.serial)))
  }

  /// Answers a subscribe, lets go what was held for it and runs what waited behind it.
  mutating func finish(_ key: PendingKey, roster: Roster?) {
    guard let subscribe = takePending(key), let session = sessions[Int(key.slot)] else { return }
    let name = channels[key.channel].name
    if subscribe.previous == .member, subscribe.mode != .member { act(.ask(.leave(session.client, name, lost: false))) }
    setMode(subscribe.mode, key.channel, slot: key.slot)
    act(.reply(session.id, .subscribed(id: subscribe.id, name, roster)))
    for held in subscribe.held { act(.reply(session.id, .event(name, held.audience, held.frame))) }
    run(subscribe.deferred, session.id, name)
  }

  /// Refuses a subscribe, puts everything back as it was and runs what waited behind it.
  ///
  /// `missing` is an event that could not be held: who took part before gets it all the same.
  mutating func fail(
    _ key: PendingKey, _ code: ErrorCode, _ message: String, missing: PendingSubscribe.Held? = nil
  ) {
    guard let subscribe = takePending(key), let session = sessions[Int(key.slot)] else { return }
    let name = channels[key.channel].name
    refuse(session.id, id: subscribe.id, code, message)
    if let previous = subscribe.previous {
      if subscribe.mode == .member, previous != .member { act(.ask(.leave(session.client, name, lost: false))) }
      setMode(previous, key.channel, slot: key.slot)
      let events = subscribe.held + (missing.map { [$0] } ?? [])
      for event in events where event.audience == .listeners || previous != .none {
        act(.reply(session.id, .event(name, event.audience, event.frame)))
      }
    } else {
      drop(key.channel, of: key.slot, lost: false)
    }
    run(subscribe.deferred, session.id, name)
  }

  private mutating func run(_ commands: [DeferredCommand], _ id: SessionID, _ name: ChannelName) {
    for command in commands {
      switch command {
      case .subscribe(let mode, let info, let request):
        subscribe(id, to: name, presence: mode, info: info, request: request)
      case .unsubscribe(let request): unsubscribe(id, from: name, request: request)
      case .publish(let publication, let request):
        publish(
          id, to: name, echo: publication.excluded == nil, isBinary: publication.isBinary, request: request
        ) { publication.frame }
      case .presence(let onlyCount, let request):
        presence(id, of: name, onlyCount: onlyCount, request: request)
      }
    }
  }
}
