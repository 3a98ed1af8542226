import Hub
import Model
import Protocol
import Reactor
import WebSocket

/// Pings, closing handshakes, and the end of connections.
extension Worker {
  // MARK: Pings

  /// The connection's timer has run out while it was open.
  func keepAlive(_ slot: UInt32) {
    let connection = connections[slot]
    if connection.pointee.endpoint.isGuest { return end(slot) }
    if !connection.pointee.closing.isOpen { return perform(connection.pointee.closing.timeout(), slot) }
    delivery.checkSlowConsumer(slot, hasMoved: false)
    tellTime(slot)
    if connection.pointee.isPaused, connection.pointee.closing.isOpen { endWaiting(slot) }
    guard connection.pointee.phase == .open, connection.pointee.closing.isOpen else { return }
    if connection.pointee.drainAt > 0 {
      guard loop.now < connection.pointee.drainAt else {
        if waitsForAnswers(slot) { return schedule(slot, after: drain.end - loop.now) }
        return close(slot, .restart, reason: Self.goingAway)
      }
      return schedule(slot, after: connection.pointee.drainAt - loop.now)
    }
    let elapsed = loop.now - connection.pointee.pinged
    if connection.pointee.endpoint == .events {
      guard elapsed >= configuration.pingInterval else {
        return schedule(slot, after: configuration.pingInterval - elapsed)
      }
      return pingStream(slot)
    }
    if connection.pointee.awaitsPong {
      // Of one that stands still nothing is read, its pong neither.
      if connection.pointee.isPaused { return schedule(slot, after: configuration.pongTimeout) }
      guard elapsed < configuration.pongTimeout else { return close(slot, .pongTimeout, reason: "no pong in time") }
      return schedule(slot, after: configuration.pongTimeout - elapsed)
    }
    guard elapsed >= configuration.pingInterval else {
      return schedule(slot, after: configuration.pingInterval - elapsed)
    }
    connection.pointee.awaitsPong = true
    connection.pointee.pinged = loop.now
    schedule(slot, after: min(configuration.pongTimeout, configuration.pingInterval))
    send(FrameEncoder.frame(.ping, payload: UnsafeRawBufferPointer(start: nil, count: 0)), to: slot)
  }

  // MARK: Closing

  /// Begins the closing handshake.
  func close(_ slot: UInt32, _ code: CloseCode, reason: String) {
    let connection = connections[slot]
    guard connection.pointee.phase == .open else { return }
    switch connection.pointee.endpoint {
    case .events: return endStream(slot, EventStream.close(code), code)
    case .commands, .poll: return end(slot)
    case .hub, .echo: break
    }
    perform(connection.pointee.closing.closing(code), slot, reason: reason)
  }

  func perform(_ action: CloseMachine.Action, _ slot: UInt32, reason: String = "") {
    switch action {
    case .none: break
    case .send(let code):
      queueClose(code, reason, slot)
      leaveHub(slot)
      resumeForClosing(slot)
      schedule(slot, after: ServerConfiguration.closeTimeout)
    case .sendAndEnd(let code):
      queueClose(code, reason, slot)
      leaveHub(slot)
      beginEnding(slot)
    case .endAfterFlush: beginEnding(slot)
    case .drop: end(slot)
    }
  }

  private func queueClose(_ code: CloseCode?, _ reason: String, _ slot: UInt32) {
    delivery.sendLast(FrameEncoder.close(code, reason: reason), to: slot)
  }

  func peerEnded(_ slot: UInt32) {
    let connection = connections[slot]
    switch connection.pointee.phase {
    case .open: perform(connection.pointee.closing.peerEnded(), slot)
    case .ending where !connection.pointee.outbox.isEmpty: finishWriting(slot)
    case .ending, .handshaking, .peeking: end(slot)
    case .free: break
    }
  }

  /// The peer says nothing more but may still read: what is queued leaves, or the timer ends it.
  private func finishWriting(_ slot: UInt32) {
    let connection = connections[slot]
    connection.pointee.hasPeerEnded = true
    connection.pointee.isBlocked = true
    // The end of the stream would stay readable for ever.
    if let registration = connection.pointee.registration {
      loop.modify(registration, fd: connection.pointee.fd, .writable)
    }
  }

  /// Nothing more is to be said: what is queued leaves, then the stream ends.
  func beginEnding(_ slot: UInt32) {
    connections[slot].pointee.phase = .ending
    let isBeyond = connections[slot].pointee.isBeyondRoom
    schedule(slot, after: isBeyond ? ServerConfiguration.beyondRoomTimeout : ServerConfiguration.closeTimeout)
    delivery.markDirty(slot)
  }

  /// Everything queued has left.
  func flushed(_ slot: UInt32) {
    guard connections[slot].pointee.phase == .ending else { return }
    // Our end of the stream first: closing at once would reset the connection while the peer's bytes are on their way,
    // and take the last frames from it. The peer's end, or the timer, closes.
    if connections[slot].pointee.hasPeerEnded { return end(slot) }
    Sys.shutdownWriting(connections[slot].pointee.fd)
  }

  // MARK: The end

  /// The session ends with the first close frame; the connection may take a little longer.
  func leaveHub(_ slot: UInt32) {
    guard connections[slot].pointee.isInHub else { return }
    connections[slot].pointee.isInHub = false
    reportClosed(slot)
    hub.close(connections.id(slot), now: loop.now)
    if !connections[slot].pointee.endpoint.isGuest {
      statistics.count(disconnect: connections[slot].pointee.closing.disconnectCode)
    }
    performActions()
  }

  /// Lets go of a connection now, whatever state it is in.
  func end(_ slot: UInt32) {
    guard connections[slot].pointee.phase != .free else { return }
    let fd = connections[slot].pointee.fd
    leaveHub(slot)
    finishBatch(slot)
    finishPoll(slot)
    let stream = delivery.streams.removeValue(forKey: slot)
    let place = forget(slot)
    if fd >= 0 { Sys.close(fd) }
    withExtendedLifetime(stream) {}
    _ = consume place
  }

  /// Takes a connection out of every table; the descriptor stays open, and so its place stays taken.
  func forget(_ slot: UInt32) -> Place? {
    let connection = connections[slot]
    let place = connection.pointee.place.take()
    if let registration = connection.pointee.registration { loop.remove(registration, fd: connection.pointee.fd) }
    if let timer = connection.pointee.timer { loop.cancel(timer) }
    delivery.forget(slot)
    if connection.pointee.isPaused { paused.unread[slot] = nil }
    paused.deferred.forget(slot)
    reception.handshakes[slot] = nil
    if connection.pointee.isCounted {
      services.connectionCounter.leave()
      services.addresses.leave(connection.pointee.address)
    }
    connections.remove(slot)
    if isDeserted { drain.takeDone()?() }
    return place
  }

  // MARK: Drain

  /// Whether all clients have gone; batches of commands end by themselves, and new ones would keep the node for ever.
  private var isDeserted: Bool { connections.count == batches.count }

  static let goingAway = "this node is shutting down"

  /// Refuses new handshakes and lets the clients go, spread over `window` milliseconds; `done` when all have gone.
  func drain(window: Int64, done: @escaping () -> Void) {
    // The last fifth is for closing handshakes.
    let spread = window * 4 / 5
    drain.begin(now: loop.now, until: loop.now + spread, done: done)
    for slot in 0..<connections.capacity
    where connections[slot].pointee.phase == .open && connections[slot].pointee.closing.isOpen
      && connections[slot].pointee.endpoint != .commands
    {
      guard connections[slot].pointee.endpoint != .poll else {
        end(slot)
        continue
      }
      let delay = spread > 0 ? Int64.random(in: 0...spread, using: &random) : 0
      connections[slot].pointee.drainAt = loop.now + delay
      // One whose token is being judged is told when it is known.
      if connections[slot].pointee.isInHub { reply(.drain(after: Int(delay)), slot) }
      // One that had no room for it is being closed, and its timer belongs to that.
      if connections[slot].pointee.closing.isOpen { schedule(slot, after: delay) }
    }
    if isDeserted { drain.takeDone()?() }
  }

  /// Stops accepting and lets go of whatever is left.
  func stop() {
    for listener in listeners { listener.close() }
    listeners = []
    for slot in 0..<connections.capacity where connections[slot].pointee.phase != .free { end(slot) }
  }
}
