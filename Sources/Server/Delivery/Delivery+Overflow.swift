import Model
import Reactor
import WebSocket

/// What happens to those who do not read fast enough.
extension Delivery {
  /// Whether the outbox takes that much more, now that what it holds was sent as far as the socket takes it: only what a
  /// client has not read counts against it, not what one turn brings. An empty one takes any one frame.
  func makeRoom(for count: Int, _ slot: UInt32) -> Bool {
    makeRoom(for: count, connections[slot], slot)
  }

  /// The same for callers that have looked the connection up already.
  func makeRoom(for count: Int, _ connection: UnsafeMutablePointer<Connection>, _ slot: UInt32) -> Bool {
    if connection.pointee.endpoint == .poll { return polls[slot]?.hasRoom ?? false }
    let limit = maxOutbox(connection)
    if connection.pointee.outbox.count + count <= limit { return true }
    while !connection.pointee.isBlocked, !connection.pointee.outbox.isEmpty {
      counts.sends += 1
      guard case .moved = connection.pointee.outbox.send(to: connection.pointee.fd, pool: pool) else { break }
    }
    return connection.pointee.outbox.isEmpty || connection.pointee.outbox.count + count <= limit
  }

  private func maxOutbox(_ connection: UnsafeMutablePointer<Connection>) -> Int {
    switch connection.pointee.endpoint {
    case .hub, .events, .commands, .poll: configuration.maxOutbox
    case .echo: ServerConfiguration.maxEchoOutbox
    }
  }

  /// Deals with those for whom an event had no room, by the policy of its channel; put off until no listeners are lent.
  ///
  /// Only messages may be left out: of joins, leaves and replies each matters. Where the channel keeps history the client is
  /// told what it lacks.
  func applyOverflow(
    of event: ChannelEvent, _ channel: ChannelName, by channelPolicy: @autoclosure () -> OverflowPolicy
  ) {
    guard !overflowing.isEmpty else { return }
    let policy = event.audience == .listeners ? channelPolicy() : .disconnect
    while let slot = overflowing.popLast() {
      // A signal that has no room is over, and must not take the place of a message.
      if event.kind == .signal, policy != .disconnect {
        connections[slot].pointee.toleratesLoss = true
        continue
      }
      switch policy {
      case .disconnect: closeAsTooSlow(slot)
      case .drop: leaveOut(event, channel, slot)
      case .conflate: conflate(event, channel, slot)
      }
    }
  }

  private func leaveOut(_ event: ChannelEvent, _ channel: ChannelName, _ slot: UInt32) {
    guard mayDefer(slot) else { return }
    connections[slot].pointee.toleratesLoss = true
    count(.drop)
    guard let position = event.position else { return }
    waiting[slot, default: DeferredSends()].leaveOut(upTo: position, of: channel)
    connections[slot].pointee.hasDeferred = true
  }

  private func conflate(_ event: ChannelEvent, _ channel: ChannelName, _ slot: UInt32) {
    guard mayDefer(slot) else { return }
    connections[slot].pointee.toleratesLoss = true
    connections[slot].pointee.hasDeferred = true
    if waiting[slot, default: DeferredSends()].conflate(event, of: channel) { count(.conflate) }
    // One frame for each of many channels can be too much as well.
    if waiting[slot]?.newestBytes ?? 0 > maxOutbox(connections[slot]) { closeAsTooSlow(slot) }
  }

  func closeAsTooSlow(_ slot: UInt32) {
    guard mayDefer(slot) else { return }
    count(.disconnect)
    owner.isTooSlow(slot)
  }

  private func count(_ policy: OverflowPolicy) {
    counts.dropped[policy.rawValue, default: 0] += 1
  }

  // MARK: Time

  /// Closes a connection whose outbox has been more than half full for too long.
  ///
  /// One that bears loss may stay as full as it is while it reads at all.
  func checkSlowConsumer(_ slot: UInt32, hasMoved: Bool) {
    let connection = connections[slot]
    guard connection.pointee.outbox.count > maxOutbox(connection) / 2 else {
      connection.pointee.slowSince = 0
      return
    }
    if connection.pointee.slowSince == 0 || hasMoved && connection.pointee.toleratesLoss {
      connection.pointee.slowSince = loop.now
      checkSlowLater()
    }
    if loop.now - connection.pointee.slowSince >= ServerConfiguration.slowTimeout { closeAsTooSlow(slot) }
  }

  /// Looks at the slow connections once a second, as long as there are any: pings, by which a connection's own timer goes,
  /// may be further apart than it is borne.
  private func checkSlowLater() {
    guard !isCheckingSlow else { return }
    isCheckingSlow = true
    Delay(1000, on: loop) { [unowned self] in
      isCheckingSlow = false
      for slot in 0..<connections.capacity where connections[slot].pointee.slowSince != 0 {
        guard connections[slot].pointee.phase == .open else { continue }
        checkSlowConsumer(slot, hasMoved: false)
        if connections[slot].pointee.slowSince != 0, connections[slot].pointee.closing.isOpen { checkSlowLater() }
      }
    }
  }
}
