import JSON
import Protocol

/// What the node says.
extension ClientSession {
  /// One text of the node; nonsense is told to the program as it came.
  mutating func received(_ text: String, now: Int64) -> [SessionAction] {
    heard(now: now)
    guard let event = JSONObject(text), let type = event.string("type") else { return [.tell(.other(json: text))] }
    if let id = event.integer("id") { return replied(id, type, event, now: now) }
    switch type {
    case "connected": return connected(event, now: now)
    case "message": return message(event)
    case "join": return come(event) { .joined(channel: $0, $1, count: $2) }
    case "leave": return come(event) { .left(channel: $0, $1, count: $2) }
    case "members":
      guard let channel = event.string("channel"), let count = event.integer("count") else { break }
      return [.tell(.members(channel: channel, event.members, count: count))]
    case "gap":
      guard let index = wantedIndex(event) else { break }
      wanted[index].position = event.position ?? wanted[index].position
      return [.tell(.gap(channel: wanted[index].channel))]
    case "drain":
      guard let after = event.integer("after") else { break }
      return draining(after: after, now: now)
    case "unsubscribed":
      guard let index = wantedIndex(event) else { break }
      let channel = wanted.remove(at: index).channel
      return [.tell(.unsubscribed(channel: channel, reason: "The node ended the subscription."))]
    case "expiring":
      guard let time = event.integer("in") else { break }
      return expiring(within: time)
    case "error": objected(event)
    case "pong": return answered(now: now)
    default: break
    }
    return [.tell(.other(json: text))]
  }

  private func wantedIndex(_ event: JSONObject) -> Int? {
    event.string("channel").flatMap(wantedIndex(of:))
  }

  /// Whether a message was not seen yet, on this connection or an earlier one; moves the channel's position to it.
  private mutating func isNew(_ offset: Int?, in channel: String) -> Bool {
    guard let offset, let index = wantedIndex(of: channel), let position = wanted[index].position else { return true }
    guard offset > position.offset else { return false }
    wanted[index].position = Position(epoch: position.epoch, offset: offset)
    return true
  }

  /// One binary message of the node, as the channel's listeners get it; nonsense is left out.
  mutating func received(binary bytes: UnsafeRawBufferPointer, now: Int64) -> [SessionAction] {
    heard(now: now)
    guard let message = BinaryMessage(bytes), isNew(message.offset, in: message.channel) else { return [] }
    return [.tell(.binary(channel: message.channel, payload: message.payload, offset: message.offset))]
  }

  // MARK: Events

  private mutating func message(_ event: JSONObject) -> [SessionAction] {
    guard let channel = event.string("channel"), let data = event.json("data") else {
      return [.tell(.other(json: event.text))]
    }
    let offset = event.integer("offset")
    guard isNew(offset, in: channel) else { return [] }
    let message = Message(
      channel: channel, from: event.string("from"), client: event.string("client"), data: data, offset: offset,
      timestamp: event.integer("ts") ?? 0)
    return [.tell(.message(message))]
  }

  private func come(_ event: JSONObject, _ make: (String, Member, Int) -> ClientEvent) -> [SessionAction] {
    guard let channel = event.string("channel"), let count = event.integer("count") else {
      return [.tell(.other(json: event.text))]
    }
    return [.tell(make(channel, event.member, count))]
  }

  // MARK: Replies

  private mutating func replied(
    _ id: RequestNumber, _ type: String, _ event: JSONObject, now: Int64
  ) -> [SessionAction] {
    guard let what = pending.removeValue(forKey: id) else { return [.tell(.other(json: event.text))] }
    let error = type == "error" ? event.error : nil
    switch what {
    case .subscribe(let channel):
      // The program may have left the channel meanwhile, or asked anew.
      guard let index = wantedIndex(of: channel), wanted[index].asked == id else { return [] }
      wanted[index].asked = nil
      return error.map { refused(index, $0, event, now: now) } ?? subscribed(index, event)
    case .unsubscribe: return [.answer(id, error.map(Result.failure) ?? .success(.unsubscribed))]
    case .publish: return [.answer(id, error.map(Result.failure) ?? .success(.published(event.position)))]
    case .presence:
      let reply = SessionReply.members(event.members, count: event.integer("count") ?? 0)
      return [.answer(id, error.map(Result.failure) ?? .success(reply))]
    case .authenticate(let new):
      if let error { return [.tell(.renewalFailed(error))] }
      token = new
      return []
    }
  }

  private mutating func subscribed(_ index: Int, _ event: JSONObject) -> [SessionAction] {
    wasOfUse()
    var entry = wanted[index]
    let recovered = event.isTrue("recovered")
    // What is recovered follows as messages, and each of them moves the position. A channel that is live already goes on
    // where it is, whatever the reply to another subscribe says.
    if !entry.isLive, !recovered || entry.position == nil { entry.position = event.position }
    let hasGap = entry.wasLive && !entry.isLive && !recovered
    let subscription = Subscription(
      channel: entry.channel, recovered: recovered, position: event.position, members: event.members)
    var actions: [SessionAction] = [.tell(.subscribed(subscription))]
    if hasGap { actions.append(.tell(.gap(channel: entry.channel))) }
    if let request = entry.request { actions.append(.answer(request, .success(.subscribed(subscription)))) }
    entry.request = nil
    entry.isLive = true
    wanted[index] = entry
    return actions
  }

  private mutating func refused(
    _ index: Int, _ error: ApusClientError, _ event: JSONObject, now: Int64
  ) -> [SessionAction] {
    if event.isTrue("temporary") {
      let after = Int64(max(0, min(event.integer("retryAfter") ?? 0, 60_000)))
      wanted[index].retryAt = now + max(after, Self.subscribeRetry)
      return []
    }
    let entry = wanted[index]
    // What was refused of a live channel is the change.
    if entry.isLive { wanted[index].request = nil } else { wanted.remove(at: index) }
    return refuse(entry, error)
  }
}

extension JSONObject {
  /// What an `error` says.
  var error: ApusClientError {
    ApusClientError(.init(string("code") ?? "internal"), string("error") ?? text)
  }

  fileprivate var position: Position? {
    guard let epoch = string("epoch"), let offset = integer("offset") else { return nil }
    return Position(epoch: epoch, offset: offset)
  }

  fileprivate var member: Member {
    Member(user: string("user"), client: string("client"), info: json("info"))
  }

  fileprivate var members: [Member]? {
    objects("members")?.map(\.member)
  }
}
