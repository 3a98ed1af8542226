import Hub
import Model
import Protocol
import Reactor
import WebSocket

/// Methods that the backend does: the calls go out, and their answers come back to whoever has asked, if still there.
extension Worker {
  /// Hands a call over; returns why not where that cannot be.
  ///
  /// `params` is what was given as such, valid JSON, or nil.
  func handOver(
    _ method: String, _ params: UnsafeRawBufferPointer?, of sender: (client: ClientID, user: UserName?),
    _ session: SessionID, _ purpose: BackendDispatcher.Purpose
  ) -> Refusal? {
    guard let backend = services.backend else { return .unknownMethod(nil) }
    guard calls.open.hasRoom(session) else {
      let message = "A connection may have at most \(OpenCalls.maxPerSession) requests in flight."
      return Refusal(.rateLimited, message, retryAfter: 1000)
    }
    let body = BackendCall.body(method: method, params: params, user: sender.user, client: sender.client)
    let call = BackendDispatcher.Call(
      session: session, purpose: purpose, body: body, deadline: loop.now + BackendAnswer.timeLimit,
      answers: calls.answers)
    guard backend.take(call) else {
      return Refusal(.unavailable, "Too many requests wait for the backend; the method did not run.")
    }
    calls.open.open(session)
    return nil
  }

  func answered(_ answer: BackendDispatcher.Answer) {
    let session = answer.session
    calls.open.close(session)
    if connections.contains(session) { runNextRequests(session.slot) }
    switch answer.purpose {
    case .request(let id): if connections.contains(session) { reply(to: id, answer.answer, session.slot) }
    case .call(let id, let part):
      let response = Self.response(to: id, answer.answer)
      guard let part else {
        if connections.contains(session) {
          send(late: .rpc(response.json), session.slot) { refuse(id, $0, session.slot) }
        }
        break
      }
      if let responses = calls.open.answer(part.batch, at: part.index, id: id, response), connections.contains(session),
        let json = RPCResponse.json(of: responses)
      {
        send(late: .rpc(json), session.slot) { refuse(nil, $0, session.slot) }
      }
    case .notification: break
    }
    if connections.contains(session) { closeIfDrained(session) }
  }

  private func reply(to id: RequestID?, _ answer: BackendAnswer, _ slot: UInt32) {
    let refuse = { [unowned self] (refusal: Refusal) in
      reply(.error(Refusal(id: id, refusal.code, refusal.message)), slot)
    }
    switch answer {
    case .result(let json): send(late: .response(id: id, .success(json)), slot, refuse)
    case .error(let json, _):
      send(late: .response(id: id, .failure(MethodError(json: json))), slot, refuse)
    case .failure(let code, let message): reply(.error(Refusal(id: id, code, message)), slot)
    }
  }

  /// Sends what the backend has answered, or refuses it where it is too large. Where too many answers wait to be read it is
  /// too late to refuse one: the method was done.
  private func send(late answer: Reply, _ slot: UInt32, _ refuse: (Refusal) -> Void) {
    if connections[slot].pointee.endpoint == .commands { return take(answer, slot) }
    guard let refusal = delivery.send(answer: answer, to: slot) else { return }
    if refusal.code == .tooLarge { refuse(refusal) } else { delivery.closeAsTooSlow(slot) }
  }

  private static func response(to id: RequestID, _ answer: BackendAnswer) -> RPCResponse {
    switch answer {
    case .result(let result): .success(id, result: result)
    case .error(let error, let isRPC): isRPC ? .failure(id, error: error) : .failure(id, .backend, data: error)
    case .failure(let code, _): .failure(id, RPCError(code))
    }
  }

  // MARK: Drain

  /// Whether a connection whose time has come while the node goes away may stay, because it waits for answers.
  func waitsForAnswers(_ slot: UInt32) -> Bool {
    loop.now < drain.end && calls.open.has(connections.id(slot))
  }

  /// Closes a connection that was kept for its last answer alone.
  private func closeIfDrained(_ session: SessionID) {
    let drainAt = connections[session.slot].pointee.drainAt
    guard drainAt > 0, loop.now >= drainAt, !calls.open.has(session) else { return }
    close(session.slot, .restart, reason: Self.goingAway)
  }
}

extension RPCError {
  /// What JSON-RPC calls one of our codes.
  init(_ code: ErrorCode) {
    self =
      switch code {
      case .rateLimited: .rateLimited
      case .unavailable: .unavailable
      case .timeout: .timeout
      case .unknownMethod: .methodNotFound
      case .unauthenticated, .forbidden, .invalidToken, .expiredToken: .forbidden
      case .badRequest, .unknownType, .tooLarge, .tooManyChannels, .invalidChannel, .internal:
        .internalError
      }
  }
}
