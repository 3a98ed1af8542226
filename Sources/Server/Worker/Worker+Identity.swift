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
    if let authenticator = services.authenticator,
      authenticator.verify(token, connections.id(slot), .handshake(warnings), answers: verifications)
    {
      return pause(slot)
    }
    enterHub(slot, nil, warnings)
    refuseToVerify(slot, nil)
    close(slot, .overloaded, reason: "too many tokens wait to be verified")
  }

  /// Has the token of a command judged.
  func authenticate(_ token: String, _ request: RequestID?, _ slot: UInt32) {
    guard let authenticator = services.authenticator else {
      let message = "This node does not verify tokens: it has no keys."
      return reply(.error(Refusal(id: request, .invalidToken, message)), slot)
    }
    if authenticator.verify(token, connections.id(slot), .command(request), answers: verifications) {
      pause(slot)
    } else {
      refuseToVerify(slot, request)
    }
  }

  private func refuseToVerify(_ slot: UInt32, _ request: RequestID?) {
    count(authentication: "overloaded")
    reply(.error(Refusal(id: request, .unavailable, "Too many tokens wait to be verified; try again.")), slot)
  }

  func verified(_ verification: Authenticator.Verification) {
    let slot = verification.session.slot
    guard connections.contains(verification.session), connections[slot].pointee.phase == .open else { return }
    count(verification.decision)
    switch verification.purpose {
    case .handshake(let warnings):
      switch verification.decision {
      case .success(let identity): enterHub(slot, identity, warnings)
      case .failure:
        enterHub(slot, nil, warnings)
        hub.verified(verification.session, verification.decision, request: nil, now: loop.now)
      }
    case .command(let request):
      let wasKnown = hub.sender(verification.session)?.user != nil
      hub.verified(verification.session, verification.decision, request: request, now: loop.now)
      if !wasKnown, hub.sender(verification.session)?.user != nil { report(slot) }
    }
    performActions()
    watch(slot)
    resume(slot)
  }

  private func count(_ decision: Result<Identity, Refusal>) {
    switch decision {
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
