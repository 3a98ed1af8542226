import Model
import Wire

/// What the program asks for.
extension ClientSession {
  /// Wants a channel from now on, over all connections; answered when its messages arrive or the node has refused it.
  mutating func subscribe(
    _ channel: String, presence: Presence, info: String?, since: Position?, _ request: RequestNumber
  ) -> [SessionAction] {
    if let refused = refusal(request) { return refused }
    var entry = Wanted(channel: channel, presence: presence, info: info, position: since, request: request)
    var actions: [SessionAction] = []
    if let index = wanted.firstIndex(where: { $0.channel == channel }) {
      // A second time: another kind of presence. The earlier request, should it still wait, has the same answer.
      if let earlier = wanted[index].request {
        let words = "The channel was subscribed to again before the node had answered."
        actions.append(.answer(earlier, .failure(ApusClientError(.invalid, words))))
      }
      entry.position = wanted[index].position
      entry.wasLive = wanted[index].wasLive
      wanted[index] = entry
    } else {
      wanted.append(entry)
    }
    if state == .open { actions.append(subscribe(entry)) }
    return actions
  }

  /// Sends the command for a channel that is wanted.
  mutating func subscribe(_ entry: Wanted) -> SessionAction {
    let id = nextRequest()
    pending[id] = .subscribe(entry.channel)
    let mode: PresenceMode =
      switch entry.presence {
      case .none: .none
      case .watch: .watch
      case .member: .member
      }
    let since = entry.position.map { StreamPosition(epoch: $0.epoch, offset: $0.offset) }
    return .send(CommandEncoder.subscribe(entry.channel, id: id, presence: mode, info: entry.info, since: since))
  }

  /// Wants the channel no longer.
  mutating func unsubscribe(_ channel: String, _ request: RequestNumber) -> [SessionAction] {
    if let refused = refusal(request) { return refused }
    var actions: [SessionAction] = []
    if let index = wanted.firstIndex(where: { $0.channel == channel }) {
      if let waiting = wanted.remove(at: index).request {
        let words = "The channel was left before the node had answered."
        actions.append(.answer(waiting, .failure(ApusClientError(.invalid, words))))
      }
    }
    guard state == .open else { return actions + [.answer(request, .success(.unsubscribed))] }
    pending[request] = .unsubscribe
    return actions + [.send(CommandEncoder.unsubscribe(channel, id: request))]
  }

  mutating func publish(
    _ data: String, to channel: String, echo: Bool, _ request: RequestNumber
  ) -> [SessionAction] {
    var text = data
    guard text.withUTF8({ JSONScanner.validate(UnsafeRawBufferPointer($0)) }) else {
      return [.answer(request, .failure(ApusClientError(.invalid, "The data is not valid JSON; nothing was sent.")))]
    }
    return ask(CommandEncoder.publish(data, to: channel, id: request, echo: echo), .publish, request)
  }

  mutating func members(of channel: String, onlyCount: Bool, _ request: RequestNumber) -> [SessionAction] {
    ask(CommandEncoder.presence(channel, id: request, onlyCount: onlyCount), .presence, request)
  }

  /// Sends a command that makes sense on an open connection only.
  private mutating func ask(_ command: String, _ what: Pending, _ request: RequestNumber) -> [SessionAction] {
    if let refused = refusal(request) { return refused }
    guard state == .open else {
      let words = "There is no connection just now; nothing was sent."
      return [.answer(request, .failure(ApusClientError(.notConnected, words)))]
    }
    guard command.utf8.count <= maxMessageSize else {
      let words = "The node takes messages of \(maxMessageSize) bytes at most; nothing was sent."
      return [.answer(request, .failure(ApusClientError(.invalid, words)))]
    }
    pending[request] = what
    return [.send(command)]
  }

  private func refusal(_ request: RequestNumber) -> [SessionAction]? {
    guard state == .finished else { return nil }
    return [.answer(request, .failure(ApusClientError(.closed, "The client was closed.")))]
  }
}
