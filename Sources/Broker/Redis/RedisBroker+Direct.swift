import JSON
import Cluster
import Model
import Protocol
import Reactor
import Redis

/// Events that belong to no channel: out by the script `send` or one PUBLISH, in by the control channels.
extension RedisBroker {
  func send(_ event: DirectEvent, to addressee: Addressee, _ caller: Caller) {
    let answer = { [unowned self] (result: Result<Bool, Refusal>) in
      if case .success = result, !caller.wantsReceipt { return }
      outlet.answer(result.map { .sent(isOnline: $0) }, to: caller)
    }
    guard isCommandReady else {
      return answer(.failure(Refusal(.unavailable, "Redis cannot be reached; nothing was sent.")))
    }
    guard !outlet.isCongested else { return answer(.failure(.overloaded(nothing: "sent"))) }
    let isSent =
      switch addressee {
      case .user(let user): send(event, to: user, answer)
      case .everybody: sendToEverybody(event, answer)
      }
    if !isSent { answer(.failure(Refusal(.unavailable, "Redis takes nothing more now; nothing was sent."))) }
  }

  private func send(
    _ event: DirectEvent, to user: UserName, _ answer: @escaping (Result<Bool, Refusal>) -> Void
  ) -> Bool {
    var payload = ByteWriter(capacity: event.data.count + UserName.maxLength + 128)
    ControlPayload.appendHeader(.user(user), to: &payload)
    EventEncoder.append(headOf: event, to: &payload)
    return runSend(to: user, payload.bytes) { [unowned self] outcome in
      let lookup = UserLookups.Lookup(user: user, since: loop.now, answer: answer)
      if let isOnline = isOnline(outcome, lookup) { answer(isOnline) }
    }
  }

  /// Without a payload it asks only whether the user is there.
  private func runSend(
    to user: UserName, _ payload: [UInt8] = [], _ answer: @escaping (RedisLink.Outcome) -> Void
  ) -> Bool {
    scripts.run(
      .send, keys: [keys.user(user), keys.run],
      [.text(keys.control), .text(keys.controlPrefix), .text(keys.nodePrefix), .bytes(payload)], answer: answer)
  }

  private func sendToEverybody(_ event: DirectEvent, _ answer: @escaping (Result<Bool, Refusal>) -> Void) -> Bool {
    var payload = ByteWriter(capacity: event.data.count + 64)
    ControlPayload.appendHeader(.everybody, to: &payload)
    let head = EventEncoder.head(of: event)
    EventEncoder.finish(head: head, offset: nil, timestamp: Int(Sys.wallMilliseconds())).withPayload {
      payload.append($0)
    }
    var command = RedisCommand("PUBLISH", keys.control)
    command.arg(payload.bytes)
    return commands.send(command) { [unowned self] in answer(result(of: $0).map { $0 > 0 }) }
  }

  /// How many have taken it, or why it is not known.
  private func result(of outcome: RedisLink.Outcome) -> Result<Int, Refusal> {
    switch outcome {
    case .reply(let reply):
      guard let error = reply.error else { return .success(reply.integer) }
      complain(error)
      return .failure(Refusal(.unavailable, "Redis refused it; nothing was sent."))
    case .lost: return .failure(Refusal(.timeout, "Redis did not answer; it may or may not have been sent."))
    }
  }

  // MARK: While Redis does not know who is connected

  /// Whether the user is there; nil where that is asked again.
  private func isOnline(_ outcome: RedisLink.Outcome, _ lookup: UserLookups.Lookup) -> Result<Bool, Refusal>? {
    switch result(of: outcome) {
    case .failure(let refusal): return .failure(refusal)
    case .success(let count) where count >= 0: return .success(count > 0)
    case .success:
      guard lookups.hasRoom, !lookup.isOverdue(now: loop.now) else { return .failure(Self.unknown) }
      lookups.add(lookup)
      lookForOwnLease()
      return nil
    }
  }

  private static var unknown: Refusal {
    Refusal(.timeout, "It was sent, but who is connected cannot be told now.")
  }

  /// Asks again for those who wait.
  func lookAgain() {
    let due = lookups.take(now: loop.now)
    if !due.isEmpty { tellDoubt(isEntering: false) }
    for lookup in due {
      let isAsked = runSend(to: lookup.user) { [unowned self] outcome in
        lookups.ended()
        if case .lost = outcome { return lookup.answer(.failure(Self.unknown)) }
        if let isOnline = isOnline(outcome, lookup) { lookup.answer(isOnline) }
      }
      guard !isAsked else { continue }
      lookups.ended()
      lookup.answer(.failure(Self.unknown))
    }
  }

  /// Has the run stand in Redis again, if somebody has deleted it; `isEntering` while this node is writing down who is
  /// connected.
  func tellDoubt(isEntering: Bool = true) {
    _ = scripts.run(streamScripts.doubt(newSeed: newSeed(), isEntering: isEntering)) { [unowned self] outcome in
      if case .reply(let reply) = outcome, let error = reply.error { complain(error) }
    }
  }

  /// Nobody waits any longer.
  func giveUpLookups() {
    for lookup in lookups.takeAll() {
      lookups.ended()
      lookup.answer(.failure(Self.unknown))
    }
  }

  /// Redis was emptied, it seems: the sooner a node finds that its lease is gone the sooner it writes everybody down.
  private func lookForOwnLease() {
    if isCommandReady, loop.now - renewalAsked >= UserLookups.interval { renewLease() }
  }

  // MARK: In

  /// `isForAll`: it came on the channel of all nodes.
  func receivedControl(_ payload: UnsafeRawBufferPointer, isForAll: Bool) {
    switch ControlPayload.parse(payload, maxMessageSize: configuration.maxMessageSize) {
    case .probe(let number): probe.received(number, microseconds: Sys.monotonicMicroseconds())
    case .event(let addressee, let range):
      if outlet.isCongested { pause() }
      // What is for one user comes this way alone while Redis does not know where they are.
      if isForAll, case .user = addressee { lookForOwnLease() }
      let frame = EventEncoder.text(UnsafeRawBufferPointer(rebasing: payload[range]))
      outlet.postToAll(.addressed(addressee, frame, since: loop.nowMicroseconds))
    case nil: malformed()
    }
  }
}
