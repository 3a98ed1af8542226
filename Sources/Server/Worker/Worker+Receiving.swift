import Hub
import Model
import Protocol
import Reactor
import WebSocket

/// Bytes to frames, frames to commands, commands to the hub.
extension Worker {
  func receive(_ slot: UInt32) {
    // Nothing is watched for but failure.
    if connections[slot].pointee.isPaused || connections[slot].pointee.endpoint == .events { return end(slot) }
    switch Sys.receive(connections[slot].pointee.fd, into: loop.receiveBuffer) {
    case .wouldBlock: break
    case .failed: end(slot)
    case .ended: peerEnded(slot)
    case .moved(let count):
      let bytes = UnsafeMutableRawBufferPointer(rebasing: loop.receiveBuffer[..<count])
      switch connections[slot].pointee.phase {
      case .handshaking: continueHandshake(slot, UnsafeRawBufferPointer(bytes))
      case .open:
        let left = take(bytes, slot)
        if left > 0 { keep(PausedConnections.Unread(bytes: Array(bytes.suffix(left))), slot) }
      // What comes after the end is read, so that it does not reset the connection, and thrown away.
      case .ending, .peeking, .free: break
      }
    }
  }

  /// Takes what was received; returns how many bytes at its end are left because the connection stands still.
  func take(_ bytes: UnsafeMutableRawBufferPointer, _ slot: UInt32) -> Int {
    let connection = connections[slot]
    connection.pointee.awaitsPong = false
    var rest = bytes
    while connection.pointee.phase == .open {
      if connection.pointee.isPaused { return rest.count }
      guard let event = connection.pointee.decoder.next(&rest) else { return 0 }
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
    return 0
  }

  /// Counts pings and pongs: each costs a frame that no rate of commands limits.
  private func admitControl(_ slot: UInt32) -> Bool {
    let connection = connections[slot]
    guard connection.pointee.closing.isOpen else { return false }
    beginSecond(slot)
    connection.pointee.controlFrames += 1
    guard connection.pointee.controlFrames > ServerConfiguration.maxControlFrames else { return true }
    close(slot, .rateLimited, reason: "too many control frames")
    return false
  }

  /// Begins another second of what is counted by the second, if the last one is over.
  private func beginSecond(_ slot: UInt32) {
    let connection = connections[slot]
    let now = UInt32(truncatingIfNeeded: loop.now)
    guard now &- connection.pointee.secondSince >= 1000 else { return }
    connection.pointee.secondSince = now
    connection.pointee.controlFrames = 0
    connection.pointee.excessFrames = 0
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
    case (.hub, .text): if isAdmitted || admit(slot, text: { bytes }) { command(bytes, slot) }
    case (.hub, .binary): if isAdmitted || admit(slot, text: { nil }) { publish(binary: bytes, connections.id(slot)) }
    case (.events, _), (.commands, _), (.poll, _): break
    case (.echo, .text): send(FrameEncoder.frame(.text, payload: bytes), to: slot)
    case (.echo, .binary): send(FrameEncoder.frame(.binary, payload: bytes), to: slot)
    }
  }

  /// A compressed message: what comes out of it counts against the limit while it comes out.
  ///
  /// The rate comes first: a hundred bytes may take as long to inflate as a thousand times as many.
  private func inflate(_ kind: MessageKind, _ bytes: UnsafeRawBufferPointer, _ slot: UInt32) {
    let endpoint = connections[slot].pointee.endpoint
    guard connections[slot].pointee.closing.isOpen else { return }
    guard endpoint == .echo || admit(slot, text: { excess(kind, bytes, slot) }) else {
      // One that waits is within the rate after all.
      let connection = connections[slot]
      if connection.pointee.isPaused, connection.pointee.excessFrames > 0 { connection.pointee.excessFrames -= 1 }
      return
    }
    let limit = configuration.limits(of: endpoint).maxMessageSize
    switch inflater.inflate(bytes, limit: limit) {
    case .message(let message):
      guard kind == .binary || UTF8Validator.isValid(message) else { return violated(.invalidPayload, slot) }
      self.message(kind, message, slot, isAdmitted: true)
    case .tooBig: violated(.tooBig, slot)
    case .corrupt: violated(.invalidPayload, slot)
    }
  }

  /// What a compressed message above the rate says, where it is small and few have come: so much work is bounded for each
  /// connection, and less than what the rate lets it ask for.
  private func excess(
    _ kind: MessageKind, _ bytes: UnsafeRawBufferPointer, _ slot: UInt32
  ) -> UnsafeRawBufferPointer? {
    beginSecond(slot)
    let connection = connections[slot]
    guard kind == .text, bytes.count <= ServerConfiguration.maxExcessSize,
      connection.pointee.excessFrames < ServerConfiguration.maxExcessFrames
    else { return nil }
    connection.pointee.excessFrames += 1
    guard case .message(let text) = inflater.inflate(bytes, limit: ServerConfiguration.maxInflatedExcess),
      UTF8Validator.isValid(text)
    else { return nil }
    return text
  }

  private func violated(_ code: CloseCode, _ slot: UInt32) {
    if code == .tooBig { count(limit: .messageSize) }
    let connection = connections[slot]
    perform(connection.pointee.closing.failed(code), slot)
  }

  // MARK: Commands

  /// Whether a message may go on by its connection's rate. Else it waits, or it is refused; `text` is asked for then, what
  /// the message says as far as that can be read.
  private func admit(_ slot: UInt32, text: () -> UnsafeRawBufferPointer?) -> Bool {
    var excess: UnsafeRawBufferPointer?
    var command: Result<Command, Refusal>?
    let decision = hub.admitCommand(connections.id(slot), now: loop.now) { delay in
      excess = text()
      command = excess.map { CommandScanner.scan($0, hints: false) }
      return mayWait(command, for: delay, slot)
    }
    return settle(decision, command, excess, slot)
  }

  /// Does what is to become of a message; true where it may go on.
  func settle(
    _ decision: Hub.RateDecision, _ command: Result<Command, Refusal>?, _ text: UnsafeRawBufferPointer?, _ slot: UInt32
  ) -> Bool {
    switch decision {
    case .allowed: return true
    case .deferred(let delay, isUser: _): if let text { wait(with: text, for: delay, slot) }
    case .refused(let refusal, let isUser):
      count(limit: isUser ? .userRate : .rate)
      refuse(command, text, refusal, slot)
    case .exhausted: close(slot, .rateLimited, reason: "rate limit exceeded for too long")
    }
    return false
  }

  /// Refuses a message above the rate. The sender is told which of its commands it was, as far as that can be read.
  private func refuse(
    _ command: Result<Command, Refusal>?, _ text: UnsafeRawBufferPointer?, _ refusal: Refusal, _ slot: UInt32
  ) {
    if case .success(.jsonRPC) = command, let message = text.flatMap(RPCScanner.scan) {
      return refuse(message, slot)
    }
    var refusal = refusal
    refusal.id = command?.id
    reply(.error(refusal), slot)
  }

  func command(_ text: UnsafeRawBufferPointer, _ slot: UInt32) {
    switch CommandScanner.scan(text) {
    case .failure(let refusal):
      statistics.commands.count(.invalid)
      reply(.error(hub.refusal(of: connections.id(slot), refusal)), slot)
    case .success(let command): run(command, text, connections.id(slot))
    }
    performActions()
  }

  func run(_ command: Command, _ text: UnsafeRawBufferPointer, _ session: SessionID) {
    statistics.commands.count(command.kind)
    switch command {
    case .subscribe(let subscribe):
      let options = SubscribeOptions(subscribe.presence, info: subscribe.info, since: subscribe.since)
      hub.subscribe(session, to: subscribe.channel, options, request: subscribe.id)
    case .unsubscribe(let channel, let id): hub.unsubscribe(session, from: channel, request: id)
    case .publish(let publish): run(publish, text, session)
    case .signal(let signal): run(signal, text, session)
    case .send(let send): run(send, text, session)
    case .history(let channel, let since, let limit, let id):
      hub.history(session, of: channel, since: since, limit: limit, request: id)
    case .presence(let channel, let onlyCount, let id):
      hub.presence(session, of: channel, onlyCount: onlyCount, request: id)
    case .jsonRPC:
      RPCScanner.scan(text).map { run($0, text, session) }
    case .request(let request): run(request, text, session)
    case .auth(let token, let id): authenticate(token, id, session.slot)
    case .ping(let id):
      reply(.pong(id: id, time: Sys.wallMilliseconds()), session.slot)
    }
  }

  private func run(_ publish: PublishCommand, _ text: UnsafeRawBufferPointer, _ session: SessionID) {
    guard takesPublishes(publish.id, session) else { return }
    let data = UnsafeRawBufferPointer(rebasing: text[publish.data])
    hub.publish(session, to: publish.channel, echo: publish.echo, key: publish.key, request: publish.id) { context in
      if context.isDraft {
        return Interchange.draft(channel: publish.channel, from: context.user, client: context.client, data: data)
      }
      return .finished(
        Interchange.message(
          channel: publish.channel, from: context.user, client: context.client, data: data,
          timestamp: Int(Sys.wallMilliseconds())))
    }
  }

  private func run(_ signal: SignalCommand, _ text: UnsafeRawBufferPointer, _ session: SessionID) {
    guard takesPublishes(signal.id, session) else { return }
    hub.publish(session, to: signal.channel, kind: .signal, echo: false, request: signal.id) { context in
      .finished(
        Interchange.signal(
          channel: signal.channel, from: context.user, client: context.client, event: signal.event,
          data: signal.data.map { UnsafeRawBufferPointer(rebasing: text[$0]) }))
    }
  }

  func publish(binary bytes: UnsafeRawBufferPointer, _ session: SessionID, request: RequestID? = nil) {
    statistics.commands.count(.binary)
    switch BinaryPublish.channel(of: bytes) {
    case .failure(var refusal):
      refusal.id = request
      reply(.error(hub.refusal(of: session, refusal)), session.slot)
    case .success(let channel):
      guard takesPublishes(request, session) else { return }
      hub.publish(session, to: channel, kind: .binary, echo: true, request: request) { context in
        context.isDraft
          ? BinaryPublish.draft(bytes, keepsHistory: context.keepsHistory)
          : .finished(EventText(bytes))
      }
    }
    performActions()
  }

  /// Whether the relay keeps up; refuses when not.
  private func takesPublishes(_ id: RequestID?, _ session: SessionID) -> Bool {
    guard relay.isFull else { return true }
    reply(.error(.overloaded(id: id)), session.slot)
    return false
  }

  /// Counts what a limit has kept away.
  func count(limit: Limit) {
    statistics.limited[limit.rawValue, default: 0] += 1
  }
}

extension Result where Success == Command, Failure == Refusal {
  /// What the client calls its command, as far as that could be read.
  var id: RequestID? {
    switch self {
    case .success(let command): command.id
    case .failure(let refusal): refusal.id
    }
  }
}
