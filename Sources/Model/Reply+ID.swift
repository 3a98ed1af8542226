extension Reply {
  /// The id of the command that it answers.
  package var id: RequestID? {
    switch self {
    case .subscribed(let id, _, _, _, _), .unsubscribed(let id, _), .history(let id, _, _), .presence(let id, _, _),
      .authenticated(let id, _, _), .pong(let id, _), .response(let id, _):
      id
    case .published(let id, _, _), .signalled(let id, _), .sent(let id, _): id
    case .error(let refusal): refusal.id
    case .connected, .unsubscribedByServer, .expiring, .rpc, .drain: nil
    }
  }
}
