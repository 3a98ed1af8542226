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
    guard !performing.isBusy else { return }
    performing.isBusy = true
    defer { performing.isBusy = false }
    while !hub.actions.isEmpty {
      var actions = performing.spare
      performing.spare = []
      hub.takeActions(reusing: &actions)
      // Taken out one by one, not copied: an action may hold a whole publication.
      actions.reverse()
      while let action = actions.popLast() { perform(action) }
      performing.spare = actions
    }
  }

  private func perform(_ action: HubAction) {
    switch action {
    case .reply(let session, let answer): if connections.contains(session) { reply(answer, session.slot) }
    case .replay(let session, let channel, let epoch, let entries):
      if connections.contains(session) { delivery.replay(entries, under: epoch, channel, session.slot) }
    case .deliver(let session, let channel, let event):
      guard connections.contains(session) else { return }
      delivery.send(event, channel, to: session.slot)
      delivery.applyOverflow(of: event, channel, by: hub.overflow(of: channel))
    case .ask(let asker, let question):
      if case .publish = question { statistics.published += 1 }
      relay.ask(question, by: asker)
    case .report(let report): relay.report(report)
    case .close(let session, let cause):
      if connections.contains(session) { close(session.slot, cause.code, reason: cause.reason) }
    }
  }

  /// Tells a client something.
  func reply(_ reply: Reply, _ slot: UInt32) {
    switch connections[slot].pointee.endpoint {
    case .events: tell(reply, slot)
    case .commands: take(reply, slot)
    case .poll: tellPoll(reply, slot)
    case .hub, .echo: answer(reply, slot)
    }
  }

  /// What a stream is told: where it begins in each channel, and of a channel that it cannot have, behind which it ends.
  func tell(_ reply: Reply, _ slot: UInt32) {
    switch reply {
    case .subscribed(let id, let channel, var stream?, let roster, let byServer)
    where delivery.streams[slot]?.positions != nil:
      stream.position = delivery.position(in: channel, slot) ?? stream.position
      let encoding = connections[slot].pointee.encoding
      var frame = encoding.frame(of: .subscribed(id: id, channel, stream, roster, byServer: byServer))
      if let roster, roster.members?.isEmpty == false, !delivery.makeRoom(for: frame.count + 1024, slot) {
        let shorter = Roster.truncated(count: roster.count)
        frame = encoding.frame(of: .subscribed(id: id, channel, stream, shorter, byServer: byServer))
      }
      delivery.send(delivery.positioned(frame, channel, stream.position, slot), to: slot)
      delivery.move(slot, channel, to: stream.position)
    case .error(let refusal):
      statistics.errors[refusal.code.rawValue, default: 0] += 1
      endStream(slot, connections[slot].pointee.encoding.frame(of: reply), .goingAway)
    default: answer(reply, slot)
    }
  }

  private func answer(_ reply: Reply, _ slot: UInt32) {
    switch reply {
    case .subscribed(let id, let channel, let stream, let roster, let byServer):
      // Who subscribes again may not have got yet what it was given before.
      let stream = stream.map {
        SubscribedStream(
          position: delivery.position(in: channel, slot) ?? $0.position, isRecovered: $0.isRecovered)
      }
      let reply = Reply.subscribed(id: id, channel, stream, roster, byServer: byServer)
      guard let roster, roster.members?.isEmpty == false else { return delivery.send(reply, to: slot) }
      // A subscribe is not refused for the members, which can be asked for again.
      let shorter = Reply.subscribed(
        id: id, channel, stream, .truncated(count: roster.count), byServer: byServer)
      delivery.send(reply, orShorter: shorter, to: slot)
    case .history(let id, _, let read): send(answer: reply, of: read.byteCount, id: id, to: slot)
    case .presence(let id, _, let roster): send(answer: reply, of: roster.byteCount, id: id, to: slot)
    case .response(let id, let result): send(answer: reply, of: result.byteCount, id: id, to: slot)
    case .authenticated(let id, let identity, warning: nil):
      delivery.send(.authenticated(id: id, identity, warning: Warnings(of: identity).text), to: slot)
    case .unsubscribed(_, let channel), .unsubscribedByServer(let channel):
      delivery.forgetDeferred(channel, slot)
      delivery.send(reply, to: slot)
    case .error(let refusal):
      if refusal.code == .tooManyChannels { count(limit: .channels) }
      statistics.errors[refusal.code.rawValue, default: 0] += 1
      delivery.send(reply, to: slot)
    case .connected, .published, .signalled, .sent, .authenticated, .expiring, .pong, .rpc, .drain:
      delivery.send(reply, to: slot)
    }
  }

  // MARK: The broker's events

  func received(_ event: BrokerEvent) {
    switch event {
    case .deliver(let channel, let event, let since):
      deliver(event, of: channel)
      delivery.delivered(since: since)
    case .attached(let channel): hub.attached(channel)
    case .subscriptionsLost(let keyspace): hub.subscriptionsLost(in: keyspace)
    case .link(let keyspace, let state): hub.linkChanged(state, in: keyspace)
    case .nodeRenamed(let id): node = id
    case .answer(let asker, let result):
      hub.answered(asker, result, waiting: delivery.recoveryBytes(asker.session.slot))
    case .answers(let askers, let result): answered(askers, result, event.weight)
    case .register(let keyspace, let reportedConnections): register(reportedConnections, in: keyspace)
    case .reportConnections(let keyspace, let slot): reportBatch(of: keyspace, from: slot)
    case .addressed(let addressee, let text, let since):
      delivery.send(text, to: hub.slots(of: addressee))
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

  /// Puts an event into the outbox of everybody it is for.
  private func deliver(_ event: ChannelEvent, of channel: ChannelName) {
    hub.fanOut(event, of: channel) { [delivery] slots, except in
      delivery.send(event, channel, to: slots, except: except)
    }
    delivery.applyOverflow(of: event, channel, by: hub.overflow(of: channel))
  }

  // MARK: Frames

  /// Puts a frame into one connection's outbox; it leaves when the turn ends.
  func send(_ frame: Frame, to slot: UInt32) {
    delivery.send(frame, to: slot)
  }

  /// Sends an answer that may be large, or an error in its place; `content` is about how many bytes it has.
  private func send(answer: Reply, of content: Int, id: RequestID?, to slot: UInt32) {
    guard var refusal = delivery.send(answer: answer, of: content, to: slot) else { return }
    refusal.id = id
    reply(.error(refusal), slot)
  }
}

extension CloseCause {
  /// What the client reads in the close frame.
  fileprivate var code: CloseCode {
    switch self {
    case .noToken, .invalidToken: .unauthenticated
    case .expiredToken: .tokenExpired
    }
  }

  fileprivate var reason: String {
    switch self {
    case .noToken: "no token in time"
    case .invalidToken: "the token is not accepted"
    case .expiredToken: "the token has expired"
    }
  }
}

extension Result<String, MethodError> {
  /// Bytes of its text.
  fileprivate var byteCount: Int {
    switch self {
    case .success(let json): json.utf8.count
    case .failure(let error): error.json.utf8.count
    }
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
