import Model

/// What the broker answers and delivers.
extension Hub {
  /// Everything published to the channel from now on arrives.
  package mutating func attached(_ name: ChannelName) {
    guard let channel = channels.index(of: name) else { return }
    channels[channel].isAttached = true
    forEachWaiting(in: channel) { hub, key in hub.attached(key) }
  }

  /// What was published may be missed until the channels are `attached` anew.
  package mutating func subscriptionsLost() {
    channels.detachAll()
  }

  /// How the node stands with its broker has changed; what is attached stays so, unless `subscriptionsLost` says else.
  package mutating func linkChanged(_ state: LinkState) {
    link = state
    guard state == .down else { return }
    for channel in channels.indices {
      forEachWaiting(in: channel) { hub, key in hub.fail(key, .unavailable, Self.unreachable) }
    }
  }

  /// The connection is a member (or a watcher) and this is who is there; or it could not be made one.
  ///
  /// `entry` tells which request is answered: the answer to one that was given up must not pass for that to a later one.
  package mutating func entered(
    _ id: SessionID, _ name: ChannelName, entry: UInt64, _ result: Result<Roster, Refusal>
  ) {
    guard session(id) != nil, let channel = channels.index(of: name) else { return }
    let key = PendingKey(slot: id.slot, channel: channel)
    guard let subscribe = pending[key], subscribe.stage == .entering, subscribe.serial == entry else { return }
    switch result {
    case .success(let roster): finish(key, roster: roster)
    case .failure(let refusal): fail(key, refusal.code, refusal.message)
    }
  }

  /// The broker has taken a message or a signal, or has not.
  package mutating func published(
    _ id: SessionID, _ name: ChannelName, _ kind: Publication.Kind, _ request: RequestID?,
    _ result: Result<PublishReceipt, Refusal>
  ) {
    guard session(id) != nil else { return }
    switch (result, request) {
    case (.failure(let refusal), _): refuse(id, id: request, refusal.code, refusal.message)
    case (.success, let request?) where kind == .signal: act(.reply(id, .signalled(id: request, name)))
    case (.success(let receipt), let request?): act(.reply(id, .published(id: request, name, receipt)))
    case (.success, nil): break
    }
  }

  /// A channel's history has been read for a subscribe or a command, or cannot be.
  ///
  /// `waiting` is how many bytes of earlier recoveries the connection has not been sent yet.
  package mutating func history(
    _ id: SessionID, _ name: ChannelName, _ purpose: Asker.Purpose, _ result: Result<HistoryRead, Refusal>,
    waiting: Int
  ) {
    guard let session = session(id) else { return }
    let channel = channels.index(of: name)
    switch (purpose, result) {
    case (.subscribe(let serial), _):
      guard let channel else { return }
      read(PendingKey(slot: id.slot, channel: channel), serial: serial, result, waiting: waiting)
    case (.command(let request), .success(let read)):
      // The token, or the rules, may be others by now.
      guard permit(.history, in: name, channel, session, request) else { return }
      act(.reply(id, .history(id: request, name, read)))
    case (.command(let request), .failure(let refusal)): refuse(id, id: request, refusal.code, refusal.message)
    }
  }

  /// The broker's answer to who is in a channel.
  package mutating func presence(
    _ id: SessionID, _ name: ChannelName, _ request: RequestID?, _ result: Result<Roster, Refusal>
  ) {
    guard let session = session(id) else { return }
    switch result {
    case .success(let roster):
      // As for a history: who may know of the members by now.
      guard permit(.presence, in: name, channels.index(of: name), session, request) else { return }
      act(.reply(id, .presence(id: request, name, roster)))
    case .failure(let refusal): refuse(id, id: request, refusal.code, refusal.message)
    }
  }

  // MARK: Fan-out

  /// Lends the slots that a frame goes to, and the one among them that does not get it.
  ///
  /// Connections whose subscribe has not been answered yet are not among them: their frame is held for after the answer.
  package mutating func withAudience(
    _ audience: Audience, of name: ChannelName, frame: Frame, _ mark: StreamMark, excluding excluded: ClientID?,
    _ body: (_ slots: UnsafeBufferPointer<UInt32>, _ except: UInt32?) -> Void
  ) {
    guard let channel = channels.index(of: name) else { return }
    if channels[channel].holding > 0 {
      return withHolding(HeldEvent(frame: frame, audience: audience, mark: mark, excluded: excluded), channel, body)
    }
    switch audience {
    case .listeners: lend(channels[channel].listeners, excluding: excluded, body)
    case .watchers: lend(channels[channel].watchers, excluding: excluded, body)
    }
  }

  private mutating func lend(
    _ slots: [UInt32], excluding excluded: ClientID?, _ body: (UnsafeBufferPointer<UInt32>, UInt32?) -> Void
  ) {
    let except = excluded.flatMap { client in slots.first { sessions[Int($0)]?.client == client } }
    slots.withUnsafeBufferPointer { body($0, except) }
  }

  /// The slow way, while a history or a roster is being read: the frame is held for those who wait for it, too.
  private mutating func withHolding(
    _ event: HeldEvent, _ channel: ChannelIndex, _ body: (UnsafeBufferPointer<UInt32>, UInt32?) -> Void
  ) {
    // For who is not answered yet a signal would be over.
    if event.mark != .fleeting || held[channel]?.renewals ?? 0 > 0 { held[channel]?.append(event) }
    switch event.audience {
    case .listeners: lend(channels[channel].listeners, excluding: event.excluded, body)
    case .watchers: lend(channels[channel].watchers, excluding: event.excluded, body)
    }
    makeRoom(in: channel)
  }

  /// Runs `body` for every subscribe that waits for this channel's confirmation now; not for those that `body` begins.
  private mutating func forEachWaiting(in channel: ChannelIndex, _ body: (inout Hub, PendingKey) -> Void) {
    let waiting = channels[channel].pending.compactMap { slot -> (key: PendingKey, serial: UInt64)? in
      let key = PendingKey(slot: slot, channel: channel)
      guard let subscribe = pending[key], subscribe.stage == .attaching else { return nil }
      return (key, subscribe.serial)
    }
    for (key, serial) in waiting where pending[key]?.serial == serial { body(&self, key) }
  }
}
