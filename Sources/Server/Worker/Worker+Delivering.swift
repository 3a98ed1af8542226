import Cluster
import Hub
import Model
import Protocol
import Reactor

/// What the hub wants done, what the broker brings, and the one send of each connection at the end of the turn.
extension Worker {
  // MARK: The hub's actions

  /// Does what the hub wants, in order, until it wants nothing more.
  func performActions() {
    guard !performing.isBusy else { return }
    performing.isBusy = true
    defer { performing.isBusy = false }
    while !hub.actions.isEmpty {
      var actions = performing.spare
      performing.spare = []
      hub.takeActions(reusing: &actions)
      for action in actions { perform(action) }
      actions.removeAll(keepingCapacity: true)
      performing.spare = actions
    }
  }

  private func perform(_ action: HubAction) {
    switch action {
    case .reply(let session, let answer): if connections.contains(session) { reply(answer, session.slot) }
    case .ask(let asker, let question):
      if case .publish = question { statistics.published += 1 }
      relay.ask(question, by: asker)
    case .report(let report): relay.report(report)
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
      if let roster, roster.members?.isEmpty == false, !delivery.makeRoom(for: frame.count, slot) {
        return send(subscribed(id, channel, stream, .truncated(count: roster.count), slot), to: slot)
      }
      send(frame, to: slot)
    case .unsubscribed(let id, let channel):
      delivery.forgetWaiting(channel, slot)
      send(EventEncoder.unsubscribed(id: id, channel: channel), to: slot)
    case .published(let id, let channel, let receipt):
      send(EventEncoder.published(id: id, channel: channel, receipt), to: slot)
    case .sent(let id, let online): send(EventEncoder.sent(id: id, online: online), to: slot)
    case .signalled(let id, let channel): send(EventEncoder.signalled(id: id, channel: channel), to: slot)
    case .history(let id, let channel, let read):
      send(answer: EventEncoder.history(id: id, channel: channel, read), of: read.byteCount, id: id, to: slot)
    case .replay(let channel, let epoch, let entries): delivery.replay(entries, under: epoch, channel, slot)
    case .presence(let id, let channel, let roster):
      send(
        answer: EventEncoder.presence(id: id, channel: channel, roster: roster), of: roster.byteCount, id: id, to: slot)
    case .authenticated(let id, let identity):
      send(
        EventEncoder.authenticated(
          id: id, user: identity.user, expires: identity.expires, warning: Warnings(of: identity).text), to: slot)
    case .expiring(let left): send(EventEncoder.expiring(in: left), to: slot)
    case .expelled(let channel):
      delivery.forgetWaiting(channel, slot)
      send(EventEncoder.unsubscribed(id: nil, channel: channel, reason: "server"), to: slot)
    case .error(let refusal):
      if refusal.code == .tooManyChannels { count(limit: .channels) }
      statistics.errors[refusal.code.rawValue, default: 0] += 1
      send(EventEncoder.error(refusal), to: slot)
    case .event(let channel, let audience, let frame, let mark):
      delivery.send(frame, mark, channel, audience, to: slot)
      delivery.applyOverflow(of: frame, mark, channel, audience, by: hub.overflow(of: channel))
    }
  }

  private func subscribed(
    _ id: RequestID?, _ channel: ChannelName, _ stream: SubscribedStream?, _ roster: Roster?, _ slot: UInt32
  ) -> Frame {
    guard let stream else { return EventEncoder.subscribed(id: id, channel: channel, roster: roster) }
    // Who subscribes again may not have got yet what it was given before.
    let position = delivery.position(in: channel, slot) ?? stream.position
    return EventEncoder.subscribed(
      id: id, channel: channel, position: position, isRecovered: stream.isRecovered, roster: roster)
  }

  // MARK: The broker's events

  func received(_ event: BrokerEvent) {
    switch event {
    case .deliver(let channel, let frame, let mark, let audience, let excluded, let since):
      deliver(frame, mark, to: audience, of: channel, excluding: excluded)
      delivery.delivered(since: since)
    case .attached(let channel): hub.attached(channel)
    case .subscriptionsLost: hub.subscriptionsLost()
    case .link(let state): hub.linkChanged(state)
    case .identity(let id): node = id
    case .answer(let asker, let result):
      hub.answered(asker, result, waiting: delivery.recoveryBytes(asker.session.slot))
    case .answers(let askers, let result): answered(askers, result, event.weight)
    case .register(let registrants): register(registrants)
    case .announce(let slot): announceBatch(from: slot)
    case .addressed(let addressee, let frame, let since):
      deliver(frame, to: addressee)
      delivery.delivered(since: since)
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
        delivery.flush()
      }
      for asker in askers[start..<min(start + count, askers.count)] {
        hub.answered(asker, result, waiting: delivery.recoveryBytes(asker.session.slot))
      }
    }
  }

  /// Bytes of the same answer that are made before they are sent.
  private static var answersAtOnce: Int { 4 << 20 }

  /// Puts a frame into the outbox of everybody it is for.
  private func deliver(
    _ frame: Frame, _ mark: StreamMark, to audience: Audience, of channel: ChannelName, excluding excluded: ClientID?
  ) {
    hub.withAudience(audience, of: channel, frame: frame, mark, excluding: excluded) { [delivery] slots, except in
      delivery.send(frame, mark, channel, audience, to: slots, except: except)
    }
    delivery.applyOverflow(of: frame, mark, channel, audience, by: hub.overflow(of: channel))
  }

  // MARK: Frames

  /// Puts a frame into one connection's outbox; it leaves when the turn ends.
  func send(_ frame: Frame, to slot: UInt32) {
    delivery.send(frame, to: slot)
  }

  /// Sends an answer that may be large, or an error in its place; `content` is about how many bytes it has.
  func send(answer: @autoclosure () -> Frame, of content: Int, id: RequestID?, to slot: UInt32) {
    guard var refusal = delivery.send(answer: answer(), of: content, to: slot) else { return }
    refusal.id = id
    reply(.error(refusal), slot)
  }
}

extension Worker: DeliveryOwner {
  func isTooSlow(_ slot: UInt32) {
    close(slot, .tooSlow, reason: "the outbox is full")
  }

  func hasFailed(_ slot: UInt32) {
    end(slot)
  }

  func hasBlocked(_ slot: UInt32) {
    updateInterest(slot)
  }

  func hasFlushed(_ slot: UInt32) {
    flushed(slot)
  }
}
