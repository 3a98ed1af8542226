import DequeModule
import Reactor
import TLS

/// Events of the loop: that there is something to read or room to write, and that time is up.
extension RedisLink {
  package func ready(_ readiness: Readiness, key: UInt32) {
    switch state {
    case .connecting(let fd, let registration, let rest): finishConnecting(fd, registration, rest: rest)
    case .securing(let connection, let registration, let rest): secure(connection, registration, rest: rest)
    case .introducing(let connection, _), .connected(let connection, _):
      if readiness.contains(.writable) { flush() }
      if !isPaused || readiness.contains(.failed) { read(connection) }
    case .stopped, .waiting, .locating, .resolving: break
    }
  }

  private func read(_ connection: RedisConnection) {
    let interest = connection.stream.interest
    let result = connection.read(by: readRoom) { [self] reply in
      heard = loop.now
      // A pub/sub connection answers nothing but subscriptions once it has any; before that it answers as any other.
      if let answer = pending.popFirst() { answer(.reply(reply)) } else { onPush(reply) }
    }
    switch result {
    case .drained, .limit: if connection.stream.interest != interest { watchIfCurrent(connection) }
    case .closed: loseIfCurrent(connection, "\(locator.peer.subject) closed the connection")
    case .failed(let failure): loseIfCurrent(connection, advice(on: failure))
    }
  }

  /// A port with TLS ends a plain connection at its first command, without a word.
  private func withHint(_ reason: String) -> String {
    guard case .introducing = state, let target, case .tcp = target.endpoint, !target.isSecure else { return reason }
    return "\(reason): if this port speaks TLS, use \(locator.peer.secureScheme)"
  }

  private func watchIfCurrent(_ connection: RedisConnection) {
    switch state {
    case .introducing(let current, let registration), .connected(let current, let registration):
      if current === connection { watch(connection, registration) }
    case .stopped, .waiting, .locating, .resolving, .connecting, .securing: break
    }
  }

  /// The owner may have given the connection up while it was read.
  private func loseIfCurrent(_ connection: RedisConnection, _ reason: String) {
    switch state {
    case .introducing(let current, _), .connected(let current, _):
      if current === connection { lose(withHint(reason)) }
    case .stopped, .waiting, .locating, .resolving, .connecting, .securing: break
    }
  }

  /// One read takes no more: what it brings is parsed while it is in the processor's cache.
  private var readRoom: UnsafeMutableRawBufferPointer {
    UnsafeMutableRawBufferPointer(rebasing: loop.receiveBuffer[..<ByteStream.leastRoom])
  }

  package func expired(key: UInt32) {
    if key == TimerKey.reconnect {
      reconnectTimer = nil
      if case .waiting = state { connect() }
      return
    }
    watch()
    if case .stopped = state { return }
    _ = loop.schedule(after: Self.watchInterval, source: self, key: TimerKey.watch)
  }

  /// Gives up on an attempt or an answer that takes too long.
  private func watch() {
    switch state {
    case .connecting(let fd, let registration, let rest) where loop.now - attemptBegan > timeout && !rest.isEmpty:
      // An address that does not answer at all must not keep the others from being tried.
      abandon(fd, registration, for: rest)
    case .securing(let connection, let registration, let rest):
      if loop.now - attemptBegan > timeout {
        if !rest.isEmpty { return abandon(connection, registration, for: rest) }
        failAttempt("no TLS within \(timeout) ms: if this port does not speak TLS, use \(locator.peer.plainScheme)")
      }
    case .locating:
      if loop.now - attemptBegan > timeout { failAttempt("\(locator.overdue) within \(timeout) ms") }
    case .resolving, .connecting, .introducing:
      if loop.now - attemptBegan > timeout { failAttempt("no connection within \(timeout) ms") }
    case .connected where isPaused: heard = loop.now
    case .connected:
      if !pending.isEmpty || confirmations > 0, loop.now - heard > timeout { lose("no answer within \(timeout) ms") }
    case .stopped, .waiting: break
    }
  }
}
