import Cluster
import Hub
import Model
import Protocol
import Reactor
import WebSocket

/// What the hub wants done, what the broker brings, and the one send of each connection at the end of the turn.
extension Worker {
  // MARK: The hub's actions

  /// Does what the hub wants, in order, until it wants nothing more.
  func performActions() {
    guard !isPerforming else { return }
    isPerforming = true
    defer { isPerforming = false }
    while !hub.actions.isEmpty {
      var actions = spareActions
      spareActions = []
      hub.takeActions(reusing: &actions)
      for action in actions { perform(action) }
      actions.removeAll(keepingCapacity: true)
      spareActions = actions
    }
  }

  private func perform(_ action: HubAction) {
    switch action {
    case .reply(let session, let answer): if connections.contains(session) { reply(answer, session.slot) }
    case .ask(let asker, let question):
      if case .publish = question { statistics.published += 1 }
      ask(question, by: asker)
    case .report(let report): self.report(report)
    case .close(let session, let code, let reason):
      if connections.contains(session) { close(session.slot, code, reason: reason) }
    }
  }

  /// Tells a client something.
  func reply(_ reply: Reply, _ slot: UInt32) {
    switch reply {
    case .subscribed(let id, let channel, let stream, let roster):
      let frame = subscribed(id, channel, stream, roster, slot)
      // A subscribe is not refused for the members, which can be asked for again.
      if let roster, roster.members?.isEmpty == false, !hasRoom(for: frame.count, slot) {
        return send(subscribed(id, channel, stream, .truncated(count: roster.count), slot), to: slot)
      }
      send(frame, to: slot)
    case .unsubscribed(let id, let channel):
      forgetWaiting(channel, slot)
      send(EventEncoder.unsubscribed(id: id, channel: channel), to: slot)
    case .published(let id, let channel, let receipt):
      send(EventEncoder.published(id: id, channel: channel, receipt), to: slot)
    case .sent(let id, let online): send(EventEncoder.sent(id: id, online: online), to: slot)
    case .signalled(let id, let channel): send(EventEncoder.signalled(id: id, channel: channel), to: slot)
    case .history(let id, let channel, let read):
      send(answer: EventEncoder.history(id: id, channel: channel, read), of: read.byteCount, id: id, to: slot)
    case .replay(let channel, let epoch, let entries): replay(entries, under: epoch, channel, slot)
    case .presence(let id, let channel, let roster):
      send(
        answer: EventEncoder.presence(id: id, channel: channel, roster: roster), of: roster.byteCount, id: id, to: slot)
    case .authenticated(let id, let identity):
      send(
        EventEncoder.authenticated(
          id: id, user: identity.user, expires: identity.expires, warning: Warnings(of: identity).text), to: slot)
    case .expiring(let left): send(EventEncoder.expiring(in: left), to: slot)
    case .expelled(let channel):
      forgetWaiting(channel, slot)
      send(EventEncoder.unsubscribed(id: nil, channel: channel, reason: "server"), to: slot)
    case .error(let refusal):
      if refusal.code == .tooManyChannels { count(limit: .channels) }
      statistics.errors[refusal.code.rawValue, default: 0] += 1
      send(EventEncoder.error(refusal), to: slot)
    case .event(let channel, let audience, let frame, let mark):
      frame.withBytes { put(frame, $0, mark, slot, channel, audience) }
      settleOverflow(of: frame, mark, channel, audience)
    }
  }

  private func subscribed(
    _ id: RequestID?, _ channel: ChannelName, _ stream: SubscribedStream?, _ roster: Roster?, _ slot: UInt32
  ) -> Frame {
    guard let stream else { return EventEncoder.subscribed(id: id, channel: channel, roster: roster) }
    // Who subscribes again may not have got yet what it was given before.
    let position = waiting[slot]?.position(in: channel) ?? stream.position
    return EventEncoder.subscribed(
      id: id, channel: channel, position: position, isRecovered: stream.isRecovered, roster: roster)
  }

  // MARK: The broker's events

  func received(_ event: BrokerEvent) {
    switch event {
    case .deliver(let channel, let frame, let mark, let audience, let excluded, let since):
      deliver(frame, mark, to: audience, of: channel, excluding: excluded)
      delivered(since: since)
    case .attached(let channel): hub.attached(channel)
    case .subscriptionsLost: hub.subscriptionsLost()
    case .link(let state): hub.linkChanged(state)
    case .identity(let id): node = id
    case .answer(let asker, let result):
      hub.answered(asker, result, waiting: recoveryBytes(asker.session.slot))
    case .answers(let askers, let result): answered(askers, result, event.weight)
    case .register(let registrants): register(registrants)
    case .announce(let slot): announceBatch(from: slot)
    case .addressed(let addressee, let frame, let since):
      deliver(frame, to: addressee)
      delivered(since: since)
    }
    performActions()
  }

  /// Answers those who have asked the same, a few at a time, and sends to them in between: each has a copy, and what a
  /// client takes at once need not be held. All before what comes after the answer: a roster must not follow a leave that it
  /// does not know of.
  private func answered(_ askers: [Asker], _ result: Result<Answer, Refusal>, _ bytes: Int) {
    let count = max(1, Self.answersAtOnce / max(1, bytes))
    for start in stride(from: 0, to: askers.count, by: count) {
      if start > 0 {
        performActions()
        flush()
      }
      for asker in askers[start..<min(start + count, askers.count)] {
        hub.answered(asker, result, waiting: recoveryBytes(asker.session.slot))
      }
    }
  }

  /// Bytes of the same answer that are made before they are sent.
  private static var answersAtOnce: Int { 4 << 20 }

  /// Counts a delivery for the histogram, only where something waits for the end of the turn: nobody else would record
  /// the time.
  private func delivered(since: Int64) {
    guard !dirty.isEmpty else { return }
    if deliveries == 0 { oldestDelivery = since }
    deliveries += 1
  }

  /// Puts a frame into the outbox of everybody it is for: nothing here allocates, locks or makes a system call.
  private func deliver(
    _ frame: Frame, _ mark: StreamMark, to audience: Audience, of channel: ChannelName, excluding excluded: ClientID?
  ) {
    hub.withAudience(audience, of: channel, frame: frame, mark, excluding: excluded) { slots, except in
      frame.withBytes { bytes in
        for slot in slots where slot != except { put(frame, bytes, mark, slot, channel, audience) }
      }
      statistics.delivered += slots.count - (except == nil ? 0 : 1)
    }
    settleOverflow(of: frame, mark, channel, audience)
  }

  /// Puts an event of a channel into one connection's outbox, unless an older one of the channel waits for room.
  private func put(
    _ frame: Frame, _ bytes: UnsafeRawBufferPointer, _ mark: StreamMark, _ slot: UInt32, _ channel: ChannelName,
    _ audience: Audience
  ) {
    guard connections[slot].pointee.hasWaiting else { return enqueue(frame, bytes, slot) }
    switch waiting[slot]?.take(frame, mark, of: channel, audience) {
    case .passes, nil: enqueue(frame, bytes, slot)
    case .waits: break
    case .overflows: overflowing.append(slot)
    }
  }

  // MARK: Outboxes

  /// Puts a frame into one connection's outbox; it leaves when the turn ends.
  func send(_ frame: Frame, to slot: UInt32) {
    frame.withBytes { enqueue(frame, $0, slot) }
    while let slot = overflowing.popLast() { closeAsTooSlow(slot) }
  }

  private func enqueue(_ frame: Frame, _ bytes: UnsafeRawBufferPointer, _ slot: UInt32) {
    let connection = connections[slot]
    // After our close frame nothing more may be sent (RFC 6455 section 5.5.1).
    guard connection.pointee.phase == .open, connection.pointee.closing.isOpen else { return }
    if let window = connection.pointee.window,
      configuration.compresses(frame.payloadCount, of: connection.pointee.endpoint)
    {
      let variant = compressor.variant(of: frame, window: window)
      return variant.withBytes { append(variant, $0, slot) }
    }
    append(frame, bytes, slot)
  }

  private func append(_ frame: Frame, _ bytes: UnsafeRawBufferPointer, _ slot: UInt32) {
    let connection = connections[slot]
    guard hasRoom(for: bytes.count, slot) else {
      overflowing.append(slot)
      return
    }
    connection.pointee.outbox.append(frame, bytes, pool: &pool)
    markDirty(slot)
  }

  /// Has a connection's outbox sent when the turn ends.
  func markDirty(_ slot: UInt32) {
    guard !connections[slot].pointee.isDirty else { return }
    connections[slot].pointee.isDirty = true
    if dirty.isEmpty { loop.atEndOfTurn { [unowned self] in flush() } }
    dirty.append(slot)
  }

  /// One send for each connection that has something to say, however much the turn has brought.
  private func flush() {
    var slots = spareDirty
    spareDirty = []
    swap(&slots, &dirty)
    for slot in slots {
      connections[slot].pointee.isDirty = false
      flush(slot)
    }
    slots.removeAll(keepingCapacity: true)
    spareDirty = slots
    compressor.forget()
    guard deliveries > 0 else { return }
    statistics.delivery.record(microseconds: Int(Sys.monotonicMicroseconds() - oldestDelivery), times: deliveries)
    deliveries = 0
  }

  private func flush(_ slot: UInt32) {
    let connection = connections[slot]
    guard connection.pointee.phase != .free else { return }
    if !connection.pointee.outbox.isEmpty {
      statistics.sends += 1
      switch connection.pointee.outbox.send(to: connection.pointee.fd, pool: &pool) {
      case .moved: checkPace(slot, hasMoved: true)
      case .wouldBlock, .ended: checkPace(slot, hasMoved: false)
      case .failed: return end(slot)
      }
    }
    if connection.pointee.hasWaiting, releaseWaiting(slot) { return }
    let isBlocked = !connection.pointee.outbox.isEmpty
    if isBlocked != connection.pointee.isBlocked {
      connection.pointee.isBlocked = isBlocked
      updateInterest(slot)
    }
    if !isBlocked { flushed(slot) }
  }
}
