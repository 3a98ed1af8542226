import Hub
import Model
import Protocol
import Reactor
import WebSocket

/// Requests: methods that a client has done and answered, by a command or by JSON-RPC.
///
/// The node does a few itself; what it does not know is handed over to the backend.
extension Worker {
  private typealias Sender = (client: ClientID, user: UserName?)

  func run(_ command: RequestCommand, _ text: UnsafeRawBufferPointer, _ session: SessionID) {
    guard let sender = hub.authenticatedSender(session) else {
      return reply(.error(hub.refusal(of: session, .unknownMethod(command.id))), session.slot)
    }
    if let result = result(of: command.method, sender, session) {
      return reply(.response(id: command.id, .success(result)), session.slot)
    }
    let params = command.params.map { UnsafeRawBufferPointer(rebasing: text[$0]) }
    guard var refusal = handOver(command.method, params, of: sender, session, .request(command.id)) else { return }
    refusal.id = command.id
    reply(.error(refusal), session.slot)
  }

  /// What a method of the node's own answers, as JSON text; nil where it is none.
  private func result(of method: String, _ sender: Sender, _ session: SessionID) -> String? {
    switch method {
    case "time": String(Sys.wallMilliseconds())
    case "whoami": MethodResult.whoami(client: sender.client, node: node, user: sender.user)
    case "channels": MethodResult.channels(hub.channels(of: session))
    case "limits": limits
    default: nil
    }
  }

  private var limits: String {
    MethodResult.limits(
      maxMessageSize: configuration.maxMessageSize, maxOutbox: configuration.maxOutbox,
      maxChannels: configuration.hub.maxChannels, rate: configuration.hub.rate.rate, burst: configuration.hub.rate.burst
    )
  }

  // MARK: JSON-RPC

  /// Answers a message of JSON-RPC in kind. Its first call has been admitted with the message itself.
  func run(_ message: RPCMessage, _ text: UnsafeRawBufferPointer, _ session: SessionID) {
    switch message {
    case .single(let call):
      guard case .answered(let response?) = run(call, text, session, batch: nil) else { return }
      if let refusal = delivery.send(answer: .rpc(response.json), to: session.slot) {
        refuse(call.id, refusal, session.slot)
      }
    case .batch(let calls): run(calls, text, session)
    case .malformed: tell(.failure(nil, .parseError), session.slot)
    case .refused: tell(.failure(nil, .invalidRequest), session.slot)
    }
  }

  private func run(_ batched: [RPCCall], _ text: UnsafeRawBufferPointer, _ session: SessionID) {
    let batch = calls.open.nextBatch()
    var room = BatchRoom(for: batched.map(\.id), limit: min(OpenCalls.maxBatchBytes, configuration.maxOutbox))
    let parts = batched.enumerated().map { index, call in
      let part =
        index == 0 || isAdmitted(session)
        ? run(call, text, session, batch: (batch, index)) : .answered(refusal(of: call, .rateLimited))
      guard case .answered(let response?) = part else { return part }
      return .answered(room.admit(response, to: call.id))
    }
    var responses: [RPCResponse] = []
    for part in parts {
      switch part {
      case .answered(let response): response.map { responses.append($0) }
      case .awaited: return calls.open.begin(batch, parts, room)
      }
    }
    guard let json = RPCResponse.json(of: responses),
      let refusal = delivery.send(answer: .rpc(json), to: session.slot)
    else {
      return
    }
    refuse(nil, refusal, session.slot)
  }

  private func tell(_ response: RPCResponse, _ slot: UInt32) {
    reply(.rpc(response.json), slot)
  }

  /// Answers a call, or a batch under null, by an error in the place of what cannot be sent.
  func refuse(_ id: RequestID?, _ refusal: Refusal, _ slot: UInt32) {
    tell(.failure(id, RPCError(refusal.code)), slot)
  }

  /// Answers the calls of a message above the rate.
  func refuse(_ message: RPCMessage, _ slot: UInt32) {
    switch message {
    case .single(let call): refusal(of: call, .rateLimited).map { tell($0, slot) }
    case .batch(let calls):
      // Of what is no call there may be many in a few bytes, and nobody waits for the answers.
      let responses = calls.compactMap { call in
        if case .request(let id, _) = call { RPCResponse.failure(id, .rateLimited) } else { nil }
      }
      RPCResponse.json(of: responses).map { reply(.rpc($0), slot) }
    case .malformed, .refused: tell(.failure(nil, .rateLimited), slot)
    }
  }

  private func isAdmitted(_ session: SessionID) -> Bool {
    if case .allowed = hub.admitCommand(session, now: loop.now) { true } else { false }
  }

  /// Does a call or hands it over; `batch` is where its answer belongs.
  private func run(
    _ call: RPCCall, _ text: UnsafeRawBufferPointer, _ session: SessionID,
    batch: (batch: OpenCalls.BatchID, index: Int)?
  ) -> OpenCalls.Part {
    switch call {
    case .invalid(let id): return .answered(.failure(id, .invalidRequest))
    case .notification(let method):
      if let sender = hub.authenticatedSender(session), result(of: method.name, sender, session) == nil {
        _ = handOver(method, text, sender, session, .notification)
      }
      return .answered(nil)
    case .request(let id, let method):
      guard let sender = hub.authenticatedSender(session) else { return .answered(.failure(id, .forbidden)) }
      if let result = result(of: method.name, sender, session) { return .answered(.success(id, result: result)) }
      let refusal = handOver(method, text, sender, session, .call(id, part: batch))
      return refusal.map { .answered(.failure(id, RPCError($0.code))) } ?? .awaited
    }
  }

  private func handOver(
    _ method: RPCMethod, _ text: UnsafeRawBufferPointer, _ sender: Sender, _ session: SessionID,
    _ purpose: BackendDispatcher.Purpose
  ) -> Refusal? {
    let params = method.params.map { UnsafeRawBufferPointer(rebasing: text[$0]) }
    return handOver(method.name, params, of: sender, session, purpose)
  }

  private func refusal(of call: RPCCall, _ error: RPCError) -> RPCResponse? {
    switch call {
    case .request(let id, _): .failure(id, error)
    case .invalid(let id): .failure(id, error)
    case .notification: nil
    }
  }
}

extension Refusal {
  /// Nobody does that method.
  static func unknownMethod(_ id: RequestID?) -> Refusal {
    Refusal(id: id, .unknownMethod, "There is no such method.")
  }
}
