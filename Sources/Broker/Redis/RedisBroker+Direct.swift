import Model
import Reactor
import Redis
import Wire

/// Events that belong to no channel: out by the script `send` or one PUBLISH, in by the control channels.
extension RedisBroker {
  package func send(
    _ event: [UInt8], to addressee: Addressee, then answer: @escaping (Result<Bool, Refusal>) -> Void
  ) {
    guard isCommandReady else {
      return answer(.failure(Refusal(.unavailable, "Redis cannot be reached; nothing was sent.")))
    }
    guard !outlet.isCongested else { return answer(.failure(.overloaded(nothing: "sent"))) }
    let answered: (RedisLink.Outcome) -> Void = { [unowned self] in answer(result(of: $0)) }
    let isSent =
      switch addressee {
      case .user(let user): send(event, to: user, answered)
      case .everybody: sendToEverybody(event, answered)
      }
    if !isSent { answer(.failure(Refusal(.unavailable, "Redis takes nothing more now; nothing was sent."))) }
  }

  private func send(_ event: [UInt8], to user: UserName, _ answer: @escaping (RedisLink.Outcome) -> Void) -> Bool {
    var payload = ByteWriter(capacity: event.count + UserName.maxLength + 4)
    ControlPayload.appendHeader(.user(user), to: &payload)
    event.withUnsafeBytes { payload.append($0) }
    return scripts.run(
      .send, keys: [keys.user(user)], [.text(keys.controlPrefix), .text(keys.nodePrefix), .bytes(payload.bytes)],
      answer: answer)
  }

  private func sendToEverybody(_ event: [UInt8], _ answer: @escaping (RedisLink.Outcome) -> Void) -> Bool {
    var payload = ByteWriter(capacity: event.count + 32)
    ControlPayload.appendHeader(.everybody, to: &payload)
    EventEncoder.finish(head: event, offset: nil, timestamp: Int(Sys.wallMilliseconds())).withPayload {
      payload.append($0)
    }
    var command = RedisCommand("PUBLISH", keys.control)
    command.arg(payload.bytes)
    return commands.send(command, answer: answer)
  }

  /// Whether anybody has taken it, or why it is not known.
  private func result(of outcome: RedisLink.Outcome) -> Result<Bool, Refusal> {
    switch outcome {
    case .reply(let reply):
      guard let error = reply.error else { return .success(reply.integer > 0) }
      complain(error)
      return .failure(Refusal(.unavailable, "Redis refused it; nothing was sent."))
    case .lost: return .failure(Refusal(.timeout, "Redis did not answer; it may or may not have been sent."))
    }
  }

  // MARK: In

  func receivedControl(_ payload: UnsafeRawBufferPointer) {
    switch ControlPayload.parse(payload, maxMessageSize: configuration.maxMessageSize) {
    case .probe(let number): probe.received(number, microseconds: Sys.monotonicMicroseconds())
    case .event(let addressee, let range):
      if outlet.isCongested { pause() }
      let frame = EventEncoder.text(UnsafeRawBufferPointer(rebasing: payload[range]))
      outlet.postToAll(.addressed(addressee, frame, since: loop.nowMicroseconds))
    case nil: malformed()
    }
  }
}
