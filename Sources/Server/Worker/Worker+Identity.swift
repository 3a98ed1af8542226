import Hub
import Model
import Reactor
import WebSocket

/// Whose connection it is: tokens go out to be judged and come back as identities, and end when their time is over.
///
/// Meanwhile the connection stands still, so that nothing is answered before it is known who asks.
extension Worker {
  /// Has the token of a handshake judged; the client is told nothing before.
  func authenticate(handshake token: String, _ warnings: Warnings, _ slot: UInt32) {
    if let authenticator = commons.authenticator,
      authenticator.judge(token, connections.id(slot), .handshake(warnings), answers: judgements)
    {
      return pause(slot)
    }
    enterHub(slot, nil, warnings)
    refuseToJudge(slot, nil)
    close(slot, .overloaded, reason: "too many tokens wait to be verified")
  }

  /// Has the token of a command judged.
  func authenticate(_ token: String, _ request: RequestID?, _ slot: UInt32) {
    guard let authenticator = commons.authenticator else {
      let message = "This node checks no tokens: it has no keys."
      return reply(.error(Refusal(id: request, .invalidToken, message)), slot)
    }
    if authenticator.judge(token, connections.id(slot), .command(request), answers: judgements) {
      pause(slot)
    } else {
      refuseToJudge(slot, request)
    }
  }

  private func refuseToJudge(_ slot: UInt32, _ request: RequestID?) {
    count(authentication: "overloaded")
    reply(.error(Refusal(id: request, .unavailable, "Too many tokens wait to be verified; try again.")), slot)
  }

  func judged(_ judgement: Authenticator.Judgement) {
    let slot = judgement.session.slot
    guard connections.contains(judgement.session), connections[slot].pointee.phase == .open else { return }
    count(judgement.verdict)
    switch judgement.purpose {
    case .handshake(let warnings):
      switch judgement.verdict {
      case .success(let identity): enterHub(slot, identity, warnings)
      case .failure:
        enterHub(slot, nil, warnings)
        hub.judged(judgement.session, judgement.verdict, request: nil, now: loop.now)
      }
    case .command(let request):
      let wasKnown = hub.sender(judgement.session)?.user != nil
      hub.judged(judgement.session, judgement.verdict, request: request, now: loop.now)
      if !wasKnown, hub.sender(judgement.session)?.user != nil { announce(slot) }
    }
    performActions()
    watch(slot)
    resume(slot)
  }

  private func count(_ verdict: Result<Identity, Refusal>) {
    switch verdict {
    case .success: count(authentication: "accepted")
    case .failure(let refusal): count(authentication: refusal.code == .expiredToken ? "expired" : "invalid")
    }
  }

  private func count(authentication result: String) {
    statistics.authentications[result, default: 0] += 1
  }

  // MARK: Time

  /// Sees to it that the hub is asked when it wants to be.
  func watch(_ slot: UInt32) {
    let connection = connections[slot]
    guard connection.pointee.phase == .open, connection.pointee.closing.isOpen else { return }
    connection.pointee.due = hub.due(connections.id(slot)) ?? .max
    if connection.pointee.due != .max { keepAlive(slot) }
  }

  /// Tells the hub what time it is, if it wants to know.
  func tellTime(_ slot: UInt32) {
    let connection = connections[slot]
    guard connection.pointee.due != .max else { return }
    let wall = Sys.wallMilliseconds()
    guard wall >= connection.pointee.due else { return }
    hub.timePassed(connections.id(slot), wall: wall)
    performActions()
    connection.pointee.due = hub.due(connections.id(slot)) ?? .max
  }
}
