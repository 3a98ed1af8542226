import Hub
import Model
import Protocol
import Reactor

/// Connections that stand still: what their clients send next stays in the kernel, so that nothing waits here but what
/// came in the same piece.
///
/// One reason is a token that is being verified, the other a subscribe that waits for its turn by the rate.
extension Worker {
  func pause(_ slot: UInt32) {
    connections[slot].pointee.isPaused = true
    updateInterest(slot)
  }

  func resume(_ slot: UInt32) {
    let connection = connections[slot]
    guard connection.pointee.phase != .free, connection.pointee.isPaused else { return }
    connection.pointee.isPaused = false
    // What the client has answered meanwhile is read only now.
    if connection.pointee.awaitsPong { connection.pointee.pinged = loop.now }
    updateInterest(slot)
    guard var unread = paused.unread.removeValue(forKey: slot) else { return }
    let left = unread.bytes.withUnsafeMutableBytes {
      take(UnsafeMutableRawBufferPointer(rebasing: $0[unread.start...]), slot)
    }
    unread.start = unread.bytes.count - left
    keep(unread, slot)
  }

  /// Keeps what came after the message for which the connection stands still, if anything did.
  func keep(_ unread: PausedConnections.Unread, _ slot: UInt32) {
    guard unread.start < unread.bytes.count, connections[slot].pointee.isPaused else { return }
    paused.deferred.hold(slot, unread.bytes.count)
    paused.unread[slot] = unread
  }

  /// Has a connection that is being closed read again, for the client's close frame.
  func resumeForClosing(_ slot: UInt32) {
    guard connections[slot].pointee.isPaused else { return }
    let session = connections.id(slot)
    _ = paused.deferred.end(slot)
    loop.atNextTurn { [unowned self] in
      if connections.contains(session) { resume(slot) }
    }
  }

  /// Has epoll watch for what the connection waits for.
  func updateInterest(_ slot: UInt32) {
    let connection = connections[slot]
    guard let registration = connection.pointee.registration else { return }
    var interest: Readiness =
      connection.pointee.endpoint == .events ? .peerClosed : connection.pointee.isPaused ? [] : .readable
    if connection.pointee.isBlocked { interest.formUnion(.writable) }
    loop.modify(registration, fd: connection.pointee.fd, interest)
  }

  // MARK: The rate

  /// Whether a message for which there is no token may wait for one, `delay` milliseconds.
  func mayWait(_ command: Result<Command, Refusal>?, for delay: Int64, _ slot: UInt32) -> Bool {
    guard case .success(.subscribe) = command else { return false }
    return paused.deferred.mayBegin(slot, age: Sys.wallMilliseconds() - connections[slot].pointee.opened, delay: delay)
  }

  /// Has a subscribe wait, and everything after it.
  func wait(with text: UnsafeRawBufferPointer, for delay: Int64, _ slot: UInt32) {
    paused.deferred.begin(slot, Array(text), after: delay, now: loop.now)
    pause(slot)
    keepAlive(slot)
  }

  /// Looks for the token that a connection's subscribe waits for, if it is time to.
  func endWaiting(_ slot: UInt32) {
    guard let due = paused.deferred.due(slot), due <= loop.now else { return }
    let decision = hub.admitCommand(connections.id(slot), now: loop.now) { _ in
      paused.deferred.mayGoOn(slot, now: loop.now)
    }
    if case .deferred(let delay, let isUser) = decision {
      return paused.deferred.goOn(slot, after: delay, isShared: isUser, now: loop.now)
    }
    guard let text = paused.deferred.end(slot) else { return }
    text.withUnsafeBytes { text in
      if settle(decision, CommandScanner.scan(text, hints: false), text, slot) { command(text, slot) }
    }
    resume(slot)
  }
}
