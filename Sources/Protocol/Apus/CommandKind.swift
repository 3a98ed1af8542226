import JSON

extension Command {
  /// The kinds of messages that clients send: the types of commands, and what has no type.
  package enum Kind: Int, CaseIterable, Sendable {
    case subscribe, unsubscribe, publish, signal, presence, history, send, request, ping, auth
    /// A message in JSON-RPC 2.0.
    case jsonRPC
    /// A message in a binary frame.
    case binary
    /// No command at all.
    case invalid

    /// Those that a command's `type` names.
    static let types = allCases.filter { $0.rawValue <= Kind.auth.rawValue }

    /// As `type` and the metrics call it.
    package var name: String {
      switch self {
      case .subscribe: "subscribe"
      case .unsubscribe: "unsubscribe"
      case .publish: "publish"
      case .signal: "signal"
      case .presence: "presence"
      case .history: "history"
      case .send: "send"
      case .request: "request"
      case .ping: "ping"
      case .auth: "auth"
      case .jsonRPC: "jsonrpc"
      case .binary: "binary"
      case .invalid: "invalid"
      }
    }

    /// The type of that name.
    init?(type name: String) {
      guard let kind = Self.types.first(where: { $0.name == name }) else { return nil }
      self = kind
    }

    /// The type of that name, which may be `message` for `publish`, too.
    init?(type utf8: UnsafeRawBufferPointer) {
      switch utf8.count {
      case 4 where utf8.equals("ping"): self = .ping
      case 4 where utf8.equals("auth"): self = .auth
      case 4 where utf8.equals("send"): self = .send
      case 6 where utf8.equals("signal"): self = .signal
      case 7 where utf8.equals("history"): self = .history
      case 7 where utf8.equals("request"): self = .request
      case 7 where utf8.equals("publish"), 7 where utf8.equals("message"): self = .publish
      case 8 where utf8.equals("presence"): self = .presence
      case 9 where utf8.equals("subscribe"): self = .subscribe
      case 11 where utf8.equals("unsubscribe"): self = .unsubscribe
      default: return nil
      }
    }
  }

  package var kind: Kind {
    switch self {
    case .subscribe: .subscribe
    case .unsubscribe: .unsubscribe
    case .publish: .publish
    case .presence: .presence
    case .ping: .ping
    case .signal: .signal
    case .history: .history
    case .send: .send
    case .request: .request
    case .jsonRPC: .jsonRPC
    case .auth: .auth
    }
  }
}
