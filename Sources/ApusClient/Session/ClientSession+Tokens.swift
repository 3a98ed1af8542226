import JSON
import Model
import Protocol

/// By what the client proves who it is.
extension ClientSession {
  /// Begins a connection: with a token of now, where there is somebody to ask for one.
  mutating func connect() -> [SessionAction] {
    guard renewsToken else {
      state = .connecting
      return [.connect(token: nil)]
    }
    state = .askingForToken
    return askForToken()
  }

  /// The token in use ends in so many milliseconds.
  mutating func expiring(within time: Int) -> [SessionAction] {
    let told = SessionAction.tell(.expiring(within: time))
    return renewsToken && state == .open ? [told] + askForToken() : [told]
  }

  /// One question at a time: an answer that is still to come serves whatever the token is needed for by then.
  private mutating func askForToken() -> [SessionAction] {
    guard !isAskingForToken else { return [] }
    isAskingForToken = true
    return [.askForToken]
  }

  /// The answer to `askForToken`.
  mutating func tokenArrived(_ answer: Result<ClientToken, ApusClientError>, now: Int64) -> [SessionAction] {
    isAskingForToken = false
    switch (state, answer) {
    case (.askingForToken, .success(let new)):
      // It would be refused again, and again.
      if let rejection, new == rejection.token { return finish(rejection.error) }
      token = new
      state = .connecting
      return [.connect(token: new)]
    case (.askingForToken, .failure(let error)): return tryAgain(error, now: now)
    case (.open, .success(let new)): return renew(new)
    case (.open, .failure(let error)): return [.tell(.renewalFailed(error))]
    // The connection it was for is gone, and the next one wants a token of its own time.
    case (.idle, _), (.connecting, _), (.greeting, _), (.waiting, _), (.finished, _): return []
    }
  }

  private mutating func renew(_ new: ClientToken) -> [SessionAction] {
    guard new != token else {
      return [.tell(.renewalFailed(ApusClientError(.noToken, "There is no new token, only the one that expires.")))]
    }
    let id = nextRequest()
    let command = CommandEncoder.authenticate(new.text, id: id)
    guard command.utf8.count <= maxMessageSize else { return [.tell(.renewalFailed(tooLong))] }
    pending[id] = .authenticate(new)
    return [.send(command)]
  }

  /// An error that answers nothing: where it is about the token, it says why the node is about to close.
  mutating func objected(_ event: JSONObject) {
    switch event.string("code").flatMap(ErrorCode.init) {
    case .unauthenticated?, .invalidToken?, .expiredToken?: objection = event.error
    default: break
    }
  }
}
