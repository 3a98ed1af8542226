import Cluster
import Model

/// What belongs to no channel: events for a user, and whose connections these are.
extension Hub {
  /// Hands data, JSON text, for a user to the broker; `data` is called only when it may go.
  package mutating func send(_ id: SessionID, to user: UserName, request: RequestID?, data: () -> [UInt8]) {
    guard let session = session(id), permitsSpeaking(session, request) else { return }
    if let message = access.rules.direct.denial(to: session.identity) {
      return refuse(id, id: request, .forbidden, message)
    }
    let event = DirectEvent.direct(from: session.user, client: session.client, data: data())
    act(.ask(.command(id, request), .send(event, to: .user(user))))
  }

  /// The slots of those an event is for, in no order.
  package func slots(of addressee: Addressee) -> [UInt32] {
    switch addressee {
    case .everybody:
      return sessions.compactMap { isUnauthenticated($0) || guests.contains($0.id.slot) ? nil : $0.id.slot }
    case .user(let user): return directory.slots(of: user)
    }
  }
}

extension DirectLevel {
  /// What is missing to send to a user, as a sentence for whoever asked; nil when nothing is.
  fileprivate func denial(to identity: Identity?) -> String? {
    switch self {
    case .server: "Only the server may send to a user."
    case .authenticated: identity == nil ? "To send to a user you must authenticate with a token." : nil
    case .anyone: nil
    }
  }
}
