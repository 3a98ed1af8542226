import Cluster
import JSON
import Model
import Protocol
import Reactor
import Redis

/// Events that belong to no channel: out by the script `send` or one PUBLISH, in by the control channels.
final class UserEvents {
  private static let full = Refusal(.unavailable, "Redis cannot take any more now; nothing was sent.")
  private static let unknown = Refusal(.timeout, "It was sent, but it is not known who is connected.")

  private unowned let context: KeyspaceContext
  private unowned let lease: NodeLease
  private unowned let registry: ConnectionRegistry
  /// Sends that wait for Redis to know whether the user is there.
  private var lookups = UserLookups()

  init(_ context: KeyspaceContext, _ lease: NodeLease, _ registry: ConnectionRegistry) {
    self.context = context
    self.lease = lease
    self.registry = registry
  }

  func send(_ event: DirectEvent, to user: UserName, _ caller: Caller) {
    let answer = { [unowned self] (result: Result<Bool, Refusal>) in
      if case .success = result, !caller.wantsReceipt { return }
      context.outlet.answer(result.map { .sent(isOnline: $0) }, to: caller)
    }
    if let refusal { return answer(.failure(refusal)) }
    if !send(event, to: user, answer) { answer(.failure(Self.full)) }
  }

  /// Why nothing can be sent now, if that is so.
  private var refusal: Refusal? {
    guard context.isReady else { return Refusal(.unavailable, "Redis cannot be reached; nothing was sent.") }
    return context.outlet.isCongested ? .overloaded(nothing: "sent") : nil
  }

  private func send(
    _ event: DirectEvent, to user: UserName, _ answer: @escaping (Result<Bool, Refusal>) -> Void
  ) -> Bool {
    var payload = ByteWriter(capacity: event.data.count + UserName.maxLength + 128)
    ControlPayload.appendHeader(.user(user), to: &payload)
    Interchange.append(headOf: event, to: &payload)
    return runSend(to: user, payload.bytes) { [unowned self] outcome in
      let lookup = UserLookups.Lookup(user: user, since: context.loop.now, answer: answer)
      if let isOnline = isOnline(outcome, lookup) { answer(isOnline) }
    }
  }

  /// Without a payload it asks only whether the user is there.
  private func runSend(
    to user: UserName, _ payload: [UInt8] = [], _ answer: @escaping (RedisLink.Outcome) -> Void
  ) -> Bool {
    let keys = context.keys
    return context.links.run(
      .send, keys: [keys.user(user), keys.run],
      [.text(keys.control), .text(keys.controlPrefix), .text(keys.nodePrefix), .bytes(payload)], answer: answer)
  }

  /// Tells all nodes that hear this keyspace; `number` where it goes out in several. The answer is whether any has heard it.
  func sendToEverybody(
    _ event: DirectEvent, _ number: UInt64?, then answer: @escaping (Result<Bool, Refusal>) -> Void
  ) {
    if let refusal { return answer(.failure(refusal)) }
    var payload = ByteWriter(capacity: event.data.count + 96)
    ControlPayload.appendHeader(.everybody, number: number, to: &payload)
    Interchange.direct(event, timestamp: Int(Sys.wallMilliseconds())).withBytes { payload.append($0) }
    let isSent = context.publish(payload.bytes, to: context.keys.control) { [unowned self] in
      answer(result(of: $0).map { $0 > 0 })
    }
    if !isSent { answer(.failure(Self.full)) }
  }

  /// How many have taken it, or why it is not known.
  private func result(of outcome: RedisLink.Outcome) -> Result<Int, Refusal> {
    switch outcome {
    case .reply(let reply):
      guard let error = reply.error else { return .success(reply.integer) }
      context.handle(serverError: error)
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
      guard lookups.hasRoom, !lookup.isOverdue(now: context.loop.now) else { return .failure(Self.unknown) }
      lookups.add(lookup)
      lookForOwnLease()
      return nil
    }
  }

  /// Asks again for those who wait.
  func lookAgain() {
    let due = lookups.take(now: context.loop.now)
    if !due.isEmpty { registry.tellDoubt(isEntering: false) }
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

  /// Nobody waits any longer.
  func giveUp() {
    for lookup in lookups.takeAll() {
      lookups.ended()
      lookup.answer(.failure(Self.unknown))
    }
  }

  /// Redis was emptied, it seems: the sooner a node finds that its lease is gone the sooner it writes everybody down.
  private func lookForOwnLease() {
    if context.isReady { lease.renew(unlessWithin: UserLookups.interval) }
  }

  // MARK: In

  /// An event has come; `isForAll`: on the channel of all nodes.
  func received(_ text: UnsafeRawBufferPointer, for addressee: Addressee, isForAll: Bool) {
    // What is for one user comes this way alone while Redis does not know where they are.
    if isForAll, case .user = addressee { lookForOwnLease() }
    context.outlet.postToAll(.addressed(addressee, EventText(text), since: context.loop.nowMicroseconds))
  }
}

@available(*, unavailable)
extension UserEvents: Sendable {}
