import Hub
import Model
import Reactor
import WebSocket
import Wire

/// Requests: methods that a client has done and answered, by a command or by JSON-RPC.
extension Worker {
  func run(_ command: RequestCommand, _ session: SessionID) {
    guard let result = result(of: command.method, session) else {
      let refusal = Refusal(id: command.id, .unknownMethod, "There is no such method.")
      return reply(.error(hub.refusal(of: session, refusal)), session.slot)
    }
    send(EventEncoder.response(id: command.id, result: result), to: session.slot)
  }

  /// What a method of the node's own answers, as JSON text; nil where it is none, and for strangers.
  private func result(of method: String, _ session: SessionID) -> String? {
    guard let sender = hub.speaker(session) else { return nil }
    switch method {
    case "time": return String(Sys.wallMilliseconds())
    case "whoami": return EventEncoder.whoami(client: sender.client, node: node, user: sender.user)
    case "channels": return EventEncoder.channels(hub.channels(of: session))
    default: return nil
    }
  }

  // MARK: JSON-RPC

  /// Answers a message of JSON-RPC in kind. Its first call has been admitted with the message itself.
  func run(_ message: RPCMessage, _ session: SessionID) {
    switch message {
    case .single(let call):
      if let response = response(to: call, session) { send(response.frame, to: session.slot) }
    case .batch(let calls):
      let responses = calls.enumerated().compactMap { index, call in
        index == 0 || isAdmitted(session) ? response(to: call, session) : refusal(of: call, .rateLimited)
      }
      if let frame = RPCResponse.frame(of: responses) { send(frame, to: session.slot) }
    case .malformed: send(RPCResponse.failure(nil, .parseError).frame, to: session.slot)
    case .refused: send(RPCResponse.failure(nil, .invalidRequest).frame, to: session.slot)
    }
  }

  private func isAdmitted(_ session: SessionID) -> Bool {
    if case .allowed = hub.admitCommand(session, now: loop.now) { true } else { false }
  }

  private func response(to call: RPCCall, _ session: SessionID) -> RPCResponse? {
    switch call {
    case .invalid(let id): return .failure(id, .invalidRequest)
    case .notification: return nil
    case .request(let id, let method):
      guard hub.speaker(session) != nil else { return .failure(id, .forbidden) }
      return result(of: method.name, session).map { .success(id, result: $0) } ?? .failure(id, .methodNotFound)
    }
  }

  private func refusal(of call: RPCCall, _ error: RPCError) -> RPCResponse? {
    switch call {
    case .request(let id, _): .failure(id, error)
    case .invalid(let id): .failure(id, error)
    case .notification: nil
    }
  }
}
