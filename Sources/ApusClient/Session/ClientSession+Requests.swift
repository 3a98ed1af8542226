import JSON
import Model
import Protocol

/// What the program asks for.
extension ClientSession {
  /// A command that waits for its reply.
  enum Pending: Equatable {
    case subscribe(String)
    case unsubscribe
    case publish
    case presence
    case authenticate(ClientToken)
  }

  /// Wants a channel from now on, over all connections; answered when its messages arrive or the node has refused it.
  mutating func subscribe(
    _ channel: String, presence: Presence, info: String?, since: RecoveryPoint?, _ request: RequestNumber
  ) -> [SessionAction] {
    if let refused = refusal(request) { return refused }
    // Checked here, because the node could not tell whose command it was.
    guard info.map(JSONScanner.validate) ?? true else {
      return [.answer(request, .failure(ApusClientError(.invalid, "The info is not valid JSON; nothing was sent.")))]
    }
    var entry = Wanted(channel: channel, presence: presence, info: info, request: request)
    switch since {
    case .position(let position): entry.position = position
    case .time(let moment): entry.moment = moment
    case nil: break
    }
    var actions: [SessionAction] = []
    if let index = wantedIndex(of: channel) {
      // A second time: another kind of presence. The earlier request, should it still wait, has the same answer.
      if let earlier = wanted[index].request {
        let words = "The channel was subscribed to again before the node had answered."
        actions.append(.answer(earlier, .failure(ApusClientError(.invalid, words))))
      }
      entry.position = wanted[index].position
      entry.moment = wanted[index].moment
      entry.isLive = wanted[index].isLive
      entry.wasLive = wanted[index].wasLive
      wanted[index] = entry
    } else {
      wanted.append(entry)
    }
    if state == .open { actions += subscribe(channel) }
    return actions
  }

  /// Sends the command for a channel that is wanted; forgets one whose command no node would take.
  mutating func subscribe(_ channel: String) -> [SessionAction] {
    guard let index = wantedIndex(of: channel) else { return [] }
    let entry = wanted[index]
    let id = nextRequest()
    let mode: PresenceMode =
      switch entry.presence {
      case .none: .none
      case .watch: .watch
      case .member: .member
      }
    let since =
      entry.position.map { Since.position(StreamPosition(epoch: $0.epoch, offset: $0.offset)) }
      ?? entry.moment.map { Since.time(Int64($0)) }
    let command = CommandEncoder.subscribe(channel, id: id, presence: mode, info: entry.info, since: since)
    guard command.utf8.count <= maxMessageSize else {
      wanted.remove(at: index)
      return refuse(entry, tooLong)
    }
    wanted[index].retryAt = nil
    wanted[index].asked = id
    pending[id] = .subscribe(channel)
    return [.send(command)]
  }

  /// Tells the program that it will not have a channel.
  func refuse(_ entry: Wanted, _ error: ApusClientError) -> [SessionAction] {
    if let request = entry.request { return [.answer(request, .failure(error))] }
    return [.tell(.unsubscribed(channel: entry.channel, reason: error.description))]
  }

  var tooLong: ApusClientError {
    ApusClientError(.invalid, "The node accepts messages of at most \(maxMessageSize) bytes; nothing was sent.")
  }

  /// Wants the channel no longer.
  mutating func unsubscribe(_ channel: String, _ request: RequestNumber) -> [SessionAction] {
    if let refused = refusal(request) { return refused }
    var actions: [SessionAction] = []
    if let index = wantedIndex(of: channel) {
      if let waiting = wanted.remove(at: index).request {
        let words = "The channel was left before the node had answered."
        actions.append(.answer(waiting, .failure(ApusClientError(.invalid, words))))
      }
    }
    let command = CommandEncoder.unsubscribe(channel, id: request)
    // A name that no command has room for was never subscribed to.
    guard state == .open, command.utf8.count <= maxMessageSize else {
      return actions + [.answer(request, .success(.unsubscribed))]
    }
    pending[request] = .unsubscribe
    return actions + [.send(command)]
  }

  mutating func publish(
    _ data: String, to channel: String, echo: Bool, _ request: RequestNumber
  ) -> [SessionAction] {
    guard JSONScanner.validate(data) else {
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
      let words = "There is no connection now; nothing was sent."
      return [.answer(request, .failure(ApusClientError(.notConnected, words)))]
    }
    guard command.utf8.count <= maxMessageSize else { return [.answer(request, .failure(tooLong))] }
    pending[request] = what
    return [.send(command)]
  }

  private func refusal(_ request: RequestNumber) -> [SessionAction]? {
    guard state == .finished else { return nil }
    return [.answer(request, .failure(end))]
  }
}
