import Hub
import Model
import Reactor
import WebSocket
import Wire

/// Bytes to frames, frames to commands, commands to the hub.
extension Worker {
  func receive(_ slot: UInt32) {
    // Nothing is watched for but failure.
    if connections[slot].pointee.isPaused { return end(slot) }
    switch Sys.receive(connections[slot].pointee.fd, into: loop.receiveBuffer) {
    case .wouldBlock: break
    case .failed: end(slot)
    case .ended: peerEnded(slot)
    case .moved(let count):
      let bytes = UnsafeMutableRawBufferPointer(rebasing: loop.receiveBuffer[..<count])
      switch connections[slot].pointee.phase {
      case .handshaking: continueHandshake(slot, UnsafeRawBufferPointer(bytes))
      case .open: take(bytes, slot)
      // What comes after the end is read, so that it does not reset the connection, and thrown away.
      case .ending, .peeking, .free: break
      }
    }
  }

  func take(_ bytes: UnsafeMutableRawBufferPointer, _ slot: UInt32) {
    let connection = connections[slot]
    connection.pointee.awaitsPong = false
    var rest = bytes
    while connection.pointee.phase == .open {
      if connection.pointee.isPaused { return keep(rest, slot) }
      guard let event = connection.pointee.decoder.next(&rest) else { return }
      switch event {
      case .text(let text): message(.text, text, slot)
      case .binary(let bytes): message(.binary, bytes, slot)
      case .compressed(let kind, let bytes): inflate(kind, bytes, slot)
      case .ping(let payload): if admitControl(slot) { pong(payload, slot) }
      case .pong: _ = admitControl(slot)
      case .close(let code, _): perform(connection.pointee.closing.received(code), slot)
      case .violation(let code, _): violated(code, slot)
      }
    }
  }

  /// Counts pings and pongs: each costs a frame that no rate of commands limits.
  private func admitControl(_ slot: UInt32) -> Bool {
    let connection = connections[slot]
    guard connection.pointee.closing.isOpen else { return false }
    let now = UInt32(truncatingIfNeeded: loop.now)
    if now &- connection.pointee.controlSince >= 1000 {
      connection.pointee.controlSince = now
      connection.pointee.controlFrames = 0
    }
    connection.pointee.controlFrames += 1
    guard connection.pointee.controlFrames > ServerConfiguration.maxControlFrames else { return true }
    close(slot, .rateLimited, reason: "too many control frames")
    return false
  }

  private func pong(_ payload: UnsafeRawBufferPointer, _ slot: UInt32) {
    send(FrameEncoder.frame(.pong, payload: payload), to: slot)
  }

  // MARK: Messages

  private func message(
    _ kind: MessageKind, _ bytes: UnsafeRawBufferPointer, _ slot: UInt32, isAdmitted: Bool = false
  ) {
    guard connections[slot].pointee.closing.isOpen else { return }
    switch (connections[slot].pointee.endpoint, kind) {
    case (.hub, .text): if isAdmitted || admit(bytes, slot) { command(bytes, slot) }
    case (.hub, .binary): if isAdmitted || admit(nil, slot) { publish(binary: bytes, connections.id(slot)) }
    case (.echo, .text): send(FrameEncoder.frame(.text, payload: bytes), to: slot)
    case (.echo, .binary): send(FrameEncoder.frame(.binary, payload: bytes), to: slot)
    }
  }

  /// A compressed message: what comes out of it counts against the limit while it comes out.
  ///
  /// The rate comes first: a hundred bytes may take as long to inflate as a thousand times as many.
  private func inflate(_ kind: MessageKind, _ bytes: UnsafeRawBufferPointer, _ slot: UInt32) {
    let endpoint = connections[slot].pointee.endpoint
    guard connections[slot].pointee.closing.isOpen, endpoint == .echo || admit(nil, slot) else { return }
    let limit = configuration.limits(of: endpoint).maxMessageSize
    switch inflater.inflate(bytes, limit: limit) {
    case .message(let message):
      guard kind == .binary || UTF8Validator.isValid(message) else { return violated(.invalidPayload, slot) }
      self.message(kind, message, slot, isAdmitted: true)
    case .tooBig: violated(.tooBig, slot)
    case .corrupt: violated(.invalidPayload, slot)
    }
  }

  private func violated(_ code: CloseCode, _ slot: UInt32) {
    if code == .tooBig { count(limit: .messageSize) }
    let connection = connections[slot]
    perform(connection.pointee.closing.failed(code), slot)
  }

  // MARK: Commands

  /// Whether a message may go on by its connection's rate; refuses it when not. `text` is nil for binary messages.
  private func admit(_ text: UnsafeRawBufferPointer?, _ slot: UInt32) -> Bool {
    switch hub.admitCommand(connections.id(slot), now: loop.now) {
    case .allowed: return true
    case .refused(var refusal, let isUser):
      count(limit: isUser ? .userRate : .rate)
      // The sender is told which of its commands it was, as far as that can be read.
      refusal.id = text.flatMap { CommandScanner.scan($0).id }
      reply(.error(refusal), slot)
    case .exhausted:
      close(slot, .rateLimited, reason: "rate limit exceeded for too long")
    }
    return false
  }

  private func command(_ text: UnsafeRawBufferPointer, _ slot: UInt32) {
    switch CommandScanner.scan(text) {
    case .failure(let refusal):
      count(command: "invalid")
      reply(.error(hub.refusal(of: connections.id(slot), refusal)), slot)
    case .success(let command): run(command, text, connections.id(slot))
    }
    performActions()
  }

  private func run(_ command: Command, _ text: UnsafeRawBufferPointer, _ session: SessionID) {
    switch command {
    case .subscribe(let subscribe):
      count(command: "subscribe")
      let wish = SubscribeWish(subscribe.presence, info: subscribe.info, since: subscribe.since)
      hub.subscribe(session, to: subscribe.channel, wish, request: subscribe.id)
    case .unsubscribe(let channel, let id):
      count(command: "unsubscribe")
      hub.unsubscribe(session, from: channel, request: id)
    case .publish(let publish):
      count(command: "publish")
      run(publish, text, session)
    case .signal(let signal):
      count(command: "signal")
      run(signal, text, session)
    case .send(let send):
      count(command: "send")
      run(send, text, session)
    case .history(let channel, let since, let limit, let id):
      count(command: "history")
      hub.history(session, of: channel, since: since, limit: limit, request: id)
    case .presence(let channel, let onlyCount, let id):
      count(command: "presence")
      hub.presence(session, of: channel, onlyCount: onlyCount, request: id)
    case .jsonRPC:
      count(command: "jsonrpc")
      RPCScanner.scan(text).map { run($0, text, session) }
    case .request(let request):
      count(command: "request")
      run(request, text, session)
    case .auth(let token, let id):
      count(command: "auth")
      authenticate(token, id, session.slot)
    case .ping(let id):
      count(command: "ping")
      send(EventEncoder.pong(id: id, timestamp: Int(Sys.wallMilliseconds())), to: session.slot)
    }
  }

  private func run(_ publish: PublishCommand, _ text: UnsafeRawBufferPointer, _ session: SessionID) {
    guard let sender = hub.sender(session), takesPublishes(publish.id, session) else { return }
    let data = UnsafeRawBufferPointer(rebasing: text[publish.data])
    hub.publish(session, to: publish.channel, echo: publish.echo, key: publish.key, request: publish.id) { isDraft, _ in
      if isDraft {
        return EventEncoder.draft(channel: publish.channel, from: sender.user, client: sender.client, data: data)
      }
      return .finished(
        EventEncoder.message(
          channel: publish.channel, from: sender.user, client: sender.client, data: data,
          timestamp: Int(Sys.wallMilliseconds())))
    }
  }

  private func run(_ signal: SignalCommand, _ text: UnsafeRawBufferPointer, _ session: SessionID) {
    guard let sender = hub.sender(session), takesPublishes(signal.id, session) else { return }
    hub.publish(session, to: signal.channel, kind: .signal, echo: false, request: signal.id) { _, _ in
      .finished(
        EventEncoder.signal(
          channel: signal.channel, from: sender.user, client: sender.client, event: signal.event,
          data: signal.data.map { UnsafeRawBufferPointer(rebasing: text[$0]) }))
    }
  }

  private func publish(binary bytes: UnsafeRawBufferPointer, _ session: SessionID) {
    count(command: "binary")
    switch BinaryPublish.channel(of: bytes) {
    case .failure(let refusal): reply(.error(hub.refusal(of: session, refusal)), session.slot)
    case .success(let channel):
      guard takesPublishes(nil, session) else { return }
      hub.publish(session, to: channel, kind: .binary, echo: true, request: nil) { isDraft, keepsHistory in
        isDraft
          ? BinaryPublish.draft(bytes, keepsHistory: keepsHistory)
          : .finished(FrameEncoder.frame(.binary, payload: bytes))
      }
    }
    performActions()
  }

  /// Whether the relay keeps up; refuses when not.
  private func takesPublishes(_ id: RequestID?, _ session: SessionID) -> Bool {
    guard requestBacklog.isFull else { return true }
    reply(.error(.overloaded(id: id)), session.slot)
    return false
  }

  private func count(command: String) {
    statistics.commands[command, default: 0] += 1
  }

  /// Counts what a limit has kept away.
  func count(limit: Limit) {
    statistics.limited[limit.rawValue, default: 0] += 1
  }
}

extension Result where Success == Command, Failure == Refusal {
  /// What the client calls its command, as far as that could be read.
  fileprivate var id: RequestID? {
    switch self {
    case .success(let command): command.id
    case .failure(let refusal): refusal.id
    }
  }
}
