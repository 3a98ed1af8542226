import DequeModule
import Reactor
import TLS

/// Commands of the owner, all of a turn in one write.
extension RedisLink {
  /// Sends a command at the end of this turn; `answer` is called exactly once, later.
  ///
  /// False, and nothing is called, when there is no connection or too much waits to be written.
  package func send(_ command: RedisCommand, answer: @escaping (Outcome) -> Void) -> Bool {
    guard case .connected(let connection, _) = state, connection.pendingBytes < Self.maxPendingBytes else {
      return false
    }
    return enqueue(command, connection, answer)
  }

  /// Sends a command of two arguments, such as `PUBLISH channel payload`, straight from their bytes; otherwise as `send`.
  package func send(
    _ name: StaticString, _ first: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer,
    answer: @escaping (Outcome) -> Void
  ) -> Bool {
    guard case .connected(let connection, _) = state, connection.pendingBytes < Self.maxPendingBytes,
      connection.append(name, first, second)
    else { return false }
    expect(answer)
    return true
  }

  /// Sends SUBSCRIBE or UNSUBSCRIBE, whose `count` confirmations arrive at `onPush`; each is to be told by `confirmed`.
  package func sendSubscription(_ command: RedisCommand, confirmations count: Int) -> Bool {
    guard case .connected(let connection, _) = state, connection.append(command) else { return false }
    if confirmations == 0 { heard = loop.now }
    confirmations += count
    flushAtEndOfTurn()
    return true
  }

  /// One confirmation of a subscription has come.
  package func confirmed() {
    confirmations = max(0, confirmations - 1)
  }

  @discardableResult
  func enqueue(_ command: RedisCommand, _ connection: RedisConnection, _ answer: @escaping (Outcome) -> Void) -> Bool {
    guard connection.append(command) else { return false }
    expect(answer)
    return true
  }

  private func expect(_ answer: @escaping (Outcome) -> Void) {
    if pending.isEmpty, confirmations == 0 { heard = loop.now }
    pending.append(answer)
    flushAtEndOfTurn()
  }

  private func flushAtEndOfTurn() {
    guard !isFlushing else { return }
    isFlushing = true
    loop.atEndOfTurn { [self] in
      isFlushing = false
      flush()
    }
  }

  func flush() {
    switch state {
    case .introducing(let connection, let registration), .connected(let connection, let registration):
      switch connection.flush() {
      case .done: watchWriting(false, connection, registration)
      case .blocked: watchWriting(true, connection, registration)
      case .failed(let failure): lose(advice(on: failure))
      }
    case .stopped, .waiting, .locating, .resolving, .connecting, .securing: break
    }
  }

  private func watchWriting(_ wanted: Bool, _ connection: RedisConnection, _ registration: Registration) {
    guard wanted != wantsWrite else { return }
    wantsWrite = wanted
    watch(connection, registration)
  }

  func watch(_ connection: RedisConnection, _ registration: Registration) {
    var interest: Readiness = isPaused ? [] : connection.stream.interest
    if wantsWrite { interest.insert(.writable) }
    loop.modify(registration, fd: connection.stream.fd, interest)
  }
}
