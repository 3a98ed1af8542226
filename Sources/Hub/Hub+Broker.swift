import Cluster
import Model

/// What the broker answers and delivers.
extension Hub {
  /// Everything published to the channel from now on arrives.
  package mutating func attached(_ name: ChannelName) {
    guard let channel = channels.index(of: name) else { return }
    channels[channel].isAttached = true
    forEachWaiting(in: channel) { hub, key in hub.attached(key) }
  }

  /// What was published may be missed until the channels of the keyspace are `attached` anew.
  package mutating func subscriptionsLost(in keyspace: KeyspaceIndex) {
    channels.detachAll(of: keyspace)
  }

  /// How the node stands with a keyspace has changed; what is attached stays so, unless `subscriptionsLost` says else.
  package mutating func linkChanged(_ state: LinkState, in keyspace: KeyspaceIndex) {
    links[keyspace] = state
    guard state == .down else { return }
    for channel in channels.indices where channels[channel].keyspace == keyspace {
      forEachWaiting(in: channel) { hub, key in hub.fail(key, .unavailable, Self.unreachable) }
    }
  }

  /// A question is answered.
  ///
  /// The attempt of a subscribe tells which one it was: the answer to one that was given up must not pass for that to a
  /// later one. `waiting` is how many bytes of earlier recoveries the connection has not been sent yet.
  package mutating func answered(
    _ asker: Asker, _ result: Result<Answer, Refusal>, waiting: @autoclosure () -> Int = 0
  ) {
    guard let session = session(asker.session) else { return }
    switch asker {
    case .subscribe(let id, let name, let attempt):
      guard let channel = channels.index(of: name) else { return }
      let key = PendingKey(slot: id.slot, channel: channel)
      if pending[key]?.attempt == attempt { answered(key, result, waiting: waiting()) }
    case .command(let id, let request):
      switch result {
      case .success(let answer): tell(answer, session, request)
      case .failure(let refusal): refuse(id, id: request, refusal.code, refusal.message)
      }
    }
  }

  /// Tells the answer to a command. Who may know of a history, or of members, others may decide by now.
  private mutating func tell(_ answer: Answer, _ session: Session, _ request: RequestID?) {
    switch answer {
    case .published(let name, let kind, let receipt):
      guard let request else { return }
      act(
        .reply(
          session.id,
          kind == .signal ? .signalled(id: request, name) : .published(id: request, name, receipt)))
    case .history(let name, let read):
      guard permit(.history, in: name, channels.index(of: name), session, request) else { return }
      act(.reply(session.id, .history(id: request, name, read)))
    case .presence(let name, let roster):
      guard permit(.presence, in: name, channels.index(of: name), session, request) else { return }
      act(.reply(session.id, .presence(id: request, name, roster)))
    case .sent(let isOnline):
      if let request { act(.reply(session.id, .sent(id: request, online: isOnline))) }
    // The control plane's.
    case .counts, .connections, .cleared, .surveyed: break
    }
  }

  // MARK: Fan-out

  /// Lends the slots that an event of a channel goes to, and those among them that do not get it.
  ///
  /// Connections whose subscribe has not been answered yet are not among them: the event is buffered for after the answer.
  package mutating func fanOut(
    _ event: ChannelEvent, of name: ChannelName,
    _ body: (_ slots: UnsafeBufferPointer<UInt32>, _ except: [UInt32]) -> Void
  ) {
    guard let channel = channels.index(of: name) else { return }
    guard channels[channel].buffering > 0 else { return lend(event, channel, body) }
    // For who is not answered yet a signal would be over.
    if event.kind != .signal || buffered[channel]?.renewals ?? 0 > 0 { buffered[channel]?.append(event) }
    lend(event, channel, body)
    makeRoom(in: channel)
  }

  private func lend(
    _ event: ChannelEvent, _ channel: ChannelIndex, _ body: (UnsafeBufferPointer<UInt32>, [UInt32]) -> Void
  ) {
    let slots = event.audience == .listeners ? channels[channel].listeners : channels[channel].watchers
    // Several where one client has more than one connection.
    let except = event.excluded.map { client in slots.filter { isPublisher($0, client) } } ?? []
    slots.withUnsafeBufferPointer { body($0, except) }
  }

  private func isPublisher(_ slot: UInt32, _ client: ClientID) -> Bool {
    sessions[slot]?.client == client || !authors.isEmpty && authors[slot] == client
  }

  /// Runs `body` for every subscribe that waits for this channel's confirmation now; not for those that `body` begins.
  private mutating func forEachWaiting(in channel: ChannelIndex, _ body: (inout Hub, PendingKey) -> Void) {
    let waiting = channels[channel].pending.compactMap { slot -> (key: PendingKey, attempt: UInt64)? in
      let key = PendingKey(slot: slot, channel: channel)
      guard let subscribe = pending[key], subscribe.stage == .attaching else { return nil }
      return (key, subscribe.attempt)
    }
    for (key, attempt) in waiting where pending[key]?.attempt == attempt { body(&self, key) }
  }
}
