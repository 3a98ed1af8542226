import Hub
import Model
import Reactor
import WebSocket
import Wire

/// What happens to those who do not read fast enough.
extension Worker {
  /// Whether the outbox takes that much more; what it holds is sent now if the socket takes it, for only what a client
  /// has not read counts against it, not what one turn brings. An empty one takes any one frame.
  func hasRoom(for count: Int, _ slot: UInt32) -> Bool {
    let connection = connections[slot]
    let limit = maxOutbox(slot)
    if connection.pointee.outbox.count + count <= limit { return true }
    while !connection.pointee.isBlocked, !connection.pointee.outbox.isEmpty {
      statistics.sends += 1
      guard case .moved = connection.pointee.outbox.send(to: connection.pointee.fd, pool: &pool) else { break }
    }
    return connection.pointee.outbox.isEmpty || connection.pointee.outbox.count + count <= limit
  }

  private func maxOutbox(_ slot: UInt32) -> Int {
    connections[slot].pointee.endpoint == .hub ? configuration.maxOutbox : ServerConfiguration.maxEchoOutbox
  }

  /// Deals with those for whom a frame had no room, by the policy of its channel; put off until no listeners are lent.
  ///
  /// Only messages may be left out: of joins, leaves and replies each matters. Where the channel keeps history the client is
  /// told what it lacks.
  func settleOverflow(of frame: Frame, _ mark: StreamMark, _ channel: ChannelName, _ audience: Audience) {
    while let slot = tooSlow.popLast() { closeAsTooSlow(slot) }
    guard !overflowing.isEmpty else { return }
    let policy = audience == .listeners ? hub.overflow(of: channel) : .disconnect
    while let slot = overflowing.popLast() {
      // A signal that has no room is over, and must not take the place of a message.
      if mark == .fleeting, policy != .disconnect {
        connections[slot].pointee.bearsLoss = true
        continue
      }
      switch policy {
      case .disconnect: closeAsTooSlow(slot)
      case .drop: leaveOut(frame, mark, channel, slot)
      case .conflate: conflate(frame, mark, channel, slot)
      }
    }
  }

  private func leaveOut(_ frame: Frame, _ mark: StreamMark, _ channel: ChannelName, _ slot: UInt32) {
    connections[slot].pointee.bearsLoss = true
    statistics.dropped[OverflowPolicy.drop.rawValue, default: 0] += 1
    switch mark {
    case .none, .fleeting: break
    // What is held is no message but the gap, for as long as messages are left out.
    case .message(let position), .gap(let position):
      hold(Conflated(channel: channel, frame: EventEncoder.gap(channel: channel, position), leftOut: nil), slot)
    }
  }

  func closeAsTooSlow(_ slot: UInt32) {
    guard connections[slot].pointee.phase == .open, connections[slot].pointee.closing.isOpen else { return }
    statistics.dropped[OverflowPolicy.disconnect.rawValue, default: 0] += 1
    close(slot, .tooSlow, reason: "the outbox is full")
  }

  // MARK: Conflating

  /// Keeps the frame as the channel's newest for a connection; the one it replaces is left out.
  private func conflate(_ frame: Frame, _ mark: StreamMark, _ channel: ChannelName, _ slot: UInt32) {
    connections[slot].pointee.bearsLoss = true
    var newest = Conflated(channel: channel, frame: frame, leftOut: nil)
    if let replaced = conflated[slot]?.first(where: { $0.channel == channel }) {
      statistics.dropped[OverflowPolicy.conflate.rawValue, default: 0] += 1
      newest.leftOut = replaced.leftOut
      if case .message(let position) = mark {
        newest.leftOut = StreamPosition(epoch: position.epoch, offset: position.offset - 1)
      }
    }
    hold(newest, slot)
  }

  /// Keeps the one thing of a channel that waits for room.
  private func hold(_ newest: Conflated, _ slot: UInt32) {
    guard connections[slot].pointee.phase == .open, connections[slot].pointee.closing.isOpen else { return }
    connections[slot].pointee.isHolding = true
    var held = conflated[slot] ?? []
    if let index = held.firstIndex(where: { $0.channel == newest.channel }) {
      held[index] = newest
    } else {
      held.append(newest)
    }
    conflated[slot] = held
    // One frame for each of many channels can be too much as well.
    if held.reduce(0, { $0 + $1.frame.count }) > maxOutbox(slot) { closeAsTooSlow(slot) }
  }

  /// Whether an older message of the channel waits here, so that a newer one must replace it and not overtake it.
  func isConflating(_ channel: ChannelName, _ slot: UInt32) -> Bool {
    conflated[slot]?.contains { $0.channel == channel } ?? false
  }

  /// Lets go what was held, as far as there is room again; true when there was anything.
  func releaseConflated(_ slot: UInt32) -> Bool {
    guard connections[slot].pointee.isHolding, connections[slot].pointee.outbox.count <= maxOutbox(slot) / 2 else {
      return false
    }
    var held = conflated.removeValue(forKey: slot) ?? []
    let count = held.count
    while let next = held.first, hasRoom(for: next.frame.count, slot) {
      held.removeFirst()
      if let leftOut = next.leftOut { send(EventEncoder.gap(channel: next.channel, leftOut), to: slot) }
      send(next.frame, to: slot)
    }
    connections[slot].pointee.isHolding = !held.isEmpty
    if !held.isEmpty { conflated[slot] = held }
    return held.count < count
  }

  /// The client does not want the channel any more.
  func forgetHeld(_ channel: ChannelName, _ slot: UInt32) {
    if connections[slot].pointee.isHolding { conflated[slot]?.removeAll { $0.channel == channel } }
    if connections[slot].pointee.isReplaying { replays[slot]?.forget(channel) }
  }

  // MARK: Time

  /// Closes a connection whose outbox has been more than half full for too long.
  ///
  /// One that bears loss may stay as full as it is while it reads at all.
  func checkPace(_ slot: UInt32, hasMoved: Bool) {
    let connection = connections[slot]
    guard connection.pointee.outbox.count > maxOutbox(slot) / 2, !(hasMoved && connection.pointee.bearsLoss) else {
      connection.pointee.slowSince = 0
      return
    }
    if connection.pointee.slowSince == 0 { connection.pointee.slowSince = loop.now }
    if loop.now - connection.pointee.slowSince >= ServerConfiguration.slowTimeout { closeAsTooSlow(slot) }
  }
}

/// The newest event of a channel that waits for room in a connection's outbox.
struct Conflated {
  let channel: ChannelName
  let frame: Frame
  /// Up to where messages were left out before it, in a channel that keeps history.
  var leftOut: StreamPosition?
}
