import Cluster
import Model

/// What clients ask for.
extension Hub {
  /// Subscribes a connection to a channel, or changes how it takes part in presence there.
  package mutating func subscribe(
    _ id: SessionID, to name: ChannelName, _ options: SubscribeOptions, request: RequestID?
  ) {
    guard let session = session(id) else { return }
    let known = channels.index(of: name)
    if let known, wait(.subscribe(options, id: request), id, known) { return }
    guard permit(.subscribe, in: name, known, session, request) else { return }
    guard options.mode == .none || permit(.presence, in: name, known, session, request) else { return }
    guard options.since == nil || permit(.history, in: name, known, session, request) else { return }
    if let channel = known, let index = session.subscription(to: channel) {
      if session.subscriptions[index].isLive {
        guard isReachable(channel) else { return refuse(session, request, name, .unavailable, Self.unreachable) }
        // What it has missed it was told the first time.
        return begin(id, channel, SubscribeOptions(options.mode, info: options.info), request: request)
      }
    }
    guard session.subscriptions.count < limits.maxChannels else {
      let message = "A connection may subscribe to at most \(limits.maxChannels) channels."
      return refuse(session, request, name, .tooManyChannels, message)
    }
    guard let channel = reserve(id, name) else { return refuse(session, request, name, .unavailable, Self.unreachable) }
    begin(id, channel, options, request: request)
  }

  /// Gives a connection a place in a channel where it has none; nil where the channel cannot be reached.
  mutating func reserve(_ id: SessionID, _ name: ChannelName) -> ChannelIndex? {
    let (channel, isNew) = channels.intern(name, rule: rule(for: name, channels.index(of: name)))
    guard isReachable(channel) else {
      if isNew { channels.remove(channel) }
      return nil
    }
    if isNew { act(.report(.attach(name))) }
    membership.reserve(channel, slot: id.slot)
    return channel
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

  /// What the event of a message depends on.
  package struct EventContext {
    package let client: ClientID
    package let user: UserName?
    /// Whether the message gets its position, or its fate, only at the broker.
    package let isDraft: Bool
    /// Whether the message is kept.
    package let keepsHistory: Bool
  }

  /// Hands a message to the broker; `event` makes it and is called only when the message may go.
  package mutating func publish(
    _ id: SessionID, to name: ChannelName, kind: Publication.Kind = .message, echo: Bool, key: String? = nil,
    request: RequestID?, event: (EventContext) -> Publication.Event
  ) {
    let channel = channels.index(of: name)
    guard let session = session(id) else { return }
    let isWaiting = channel.map { pending[PendingKey(slot: id.slot, channel: $0)] != nil } ?? false
    let capability: Capabilities = kind == .signal ? .signal : .publish
    guard isWaiting || permit(capability, in: name, channel, session, request) else { return }
    let history = kind == .signal ? nil : rule(for: name, channel)?.history
    let context = EventContext(
      client: session.client, user: session.user, isDraft: history != nil || key != nil, keepsHistory: history != nil)
    let publication = Publication(
      channel: name, kind: kind, event: event(context),
      excluded: echo ? nil : session.client, history: history,
      key: key.map { key in
        IdempotencyKey(publisher: session.user.map { .user($0) } ?? .anonymous(session.client), key: key)
      })
    if isWaiting, let channel, wait(.publish(publication, id: request), id, channel) { return }
    act(.ask(.command(id, request), .publish(publication)))
  }

  /// Publishes what has waited for its turn, if it still may.
  mutating func publishWaiting(_ publication: Publication, _ id: SessionID, request: RequestID?) {
    let channel = channels.index(of: publication.channel)
    // A subscribe that waited before it is under way now.
    if let channel, wait(.publish(publication, id: request), id, channel) { return }
    let capability: Capabilities = publication.kind == .signal ? .signal : .publish
    guard let session = session(id), permit(capability, in: publication.channel, channel, session, request) else {
      return
    }
    act(.ask(.command(id, request), .publish(publication)))
  }

  /// Asks who is in a channel.
  package mutating func presence(_ id: SessionID, of name: ChannelName, onlyCount: Bool, request: RequestID?) {
    let channel = channels.index(of: name)
    guard let session = session(id) else { return }
    if let channel, wait(.presence(onlyCount: onlyCount, id: request), id, channel) { return }
    guard permit(.presence, in: name, channel, session, request) else { return }
    act(.ask(.command(id, request), .presence(name, onlyCount: onlyCount)))
  }

  /// Asks what was published to a channel.
  package mutating func history(
    _ id: SessionID, of name: ChannelName, since: Since?, limit: Int, request: RequestID?
  ) {
    let channel = channels.index(of: name)
    guard let session = session(id) else { return }
    if let channel, wait(.history(since, limit: limit, id: request), id, channel) { return }
    guard permit(.history, in: name, channel, session, request) else { return }
    guard rule(for: name, channel)?.history != nil else {
      return refuse(id, id: request, .forbidden, "The channel \(name) keeps no history.")
    }
    let query = since.map { HistoryQuery.after($0, limit: limit) } ?? .newest(limit)
    act(.ask(.command(id, request), .history(name, query)))
  }

  // MARK: -

  /// Whether a subscribe to the channel can be answered: it is confirmed, or may soon be.
  func isReachable(_ channel: ChannelIndex) -> Bool {
    links[channels[channel].keyspace] != .down || channels[channel].isAttached
  }

  static let unreachable = "The channel cannot be reached now; nothing was subscribed."

  /// Puts a command behind a subscribe of the same connection to the same channel; false when there is none.
  private mutating func wait(_ command: DeferredCommand, _ id: SessionID, _ channel: ChannelIndex) -> Bool {
    let key = PendingKey(slot: id.slot, channel: channel)
    guard pending[key] != nil else { return false }
    if pending[key]?.put(command) == false {
      let refusal = Refusal(
        id: command.id, .rateLimited, "Too much is waiting for the subscribe before it.", retryAfter: 1000)
      act(.reply(id, .error(refusal)))
    }
    return true
  }

  /// Starts a subscribe whose place in the channel is there.
  mutating func begin(
    _ id: SessionID, _ channel: ChannelIndex, _ options: SubscribeOptions, request: RequestID?,
    isByServer: Bool = false
  ) {
    let key = PendingKey(slot: id.slot, channel: channel)
    lastAttempt += 1
    pending[key] = PendingSubscribe(
      attempt: lastAttempt, id: request, options: options, previous: previousMode(id.slot, channel),
      isByServer: isByServer)
    channels[channel].pending.append(id.slot)
    if channels[channel].isAttached { attached(key) }
  }

  private func previousMode(_ slot: UInt32, _ channel: ChannelIndex) -> PresenceMode? {
    guard let subscription = membership.subscription(slot, in: channel) else { return nil }
    return subscription.isLive ? subscription.mode : nil
  }
}
