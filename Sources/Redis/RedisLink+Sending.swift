import DequeModule
import Reactor

/// What the owner sends, and how it leaves: all commands of a turn in one write.
extension RedisLink {
  /// Sends a command at the end of this turn; `answer` is called exactly once, later.
  ///
  /// False, and nothing is called, when there is no connection or too much waits to be written.
  package func send(_ command: RedisCommand, answer: @escaping (Outcome) -> Void) -> Bool {
    guard case .connected(let codec, _, _) = state, codec.pendingBytes < Self.maxPendingBytes else { return false }
    return enqueue(command, codec, answer)
  }

  /// Sends `PUBLISH channel payload` straight from the bytes; otherwise as `send`.
  package func publish(
    _ channel: UnsafeRawBufferPointer, _ payload: UnsafeRawBufferPointer, answer: @escaping (Outcome) -> Void
  ) -> Bool {
    guard case .connected(let codec, _, _) = state, codec.pendingBytes < Self.maxPendingBytes,
      codec.append("PUBLISH", channel, payload)
    else { return false }
    expect(answer)
    return true
  }

  /// Sends SUBSCRIBE or UNSUBSCRIBE, whose `count` confirmations arrive at `onPush`; each is to be told by `confirmed`.
  package func sendSubscription(_ command: RedisCommand, confirmations count: Int) -> Bool {
    guard case .connected(let codec, _, _) = state, codec.append(command) else { return false }
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
  func enqueue(_ command: RedisCommand, _ codec: RedisCodec, _ answer: @escaping (Outcome) -> Void) -> Bool {
    guard codec.append(command) else { return false }
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
    case .introducing(let codec, let fd, let registration), .connected(let codec, let fd, let registration):
      switch codec.flush() {
      case .done: watchWriting(false, fd, registration)
      case .blocked: watchWriting(true, fd, registration)
      case .failed(let reason): lose(reason)
      }
    case .stopped, .waiting, .resolving, .connecting: break
    }
  }

  private func watchWriting(_ wanted: Bool, _ fd: Int32, _ registration: Registration) {
    guard wanted != wantsWrite else { return }
    wantsWrite = wanted
    watch(fd, registration)
  }

  func watch(_ fd: Int32, _ registration: Registration) {
    var interest: Readiness = isPaused ? [] : .readable
    if wantsWrite { interest.insert(.writable) }
    loop.modify(registration, fd: fd, interest)
  }
}
