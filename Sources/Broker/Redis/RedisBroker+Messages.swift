import Cluster
import JSON
import Logging
import Model
import Protocol
import Reactor
import Redis
import WebSocket

/// Channel messages: out by PUBLISH, in by what is subscribed.
extension RedisBroker {
  /// Channels in one SUBSCRIBE or UNSUBSCRIBE.
  private static var subscribeBatch: Int { 512 }

  // MARK: Out

  func publish(_ publication: Publication, _ caller: Caller) {
    guard isCommandReady else {
      return refuse(caller, .unavailable, "Redis cannot be reached; nothing was published.")
    }
    guard !outlet.isCongested else { return outlet.answer(.failure(.overloaded(id: caller.request)), to: caller) }
    let publisher = Publisher(caller: caller, channel: publication.channel, kind: publication.kind)
    let sent: Bool
    if let call = streamScripts.publish(publication, newSeed: newSeed()) {
      sent = scripts.run(call) { [unowned self] in published($0, publisher, HistoryReply.receipt) }
    } else if case .finished(let frame) = publication.event {
      sent = send(frame, publication, publisher)
    } else {
      sent = false
    }
    if !sent { refuse(caller, .unavailable, "Redis takes nothing more now; nothing was published.") }
  }

  /// Whom to tell what became of a message.
  private struct Publisher {
    let caller: Caller
    let channel: ChannelName
    let kind: Publication.Kind
  }

  /// Publishes what is finished: one PUBLISH.
  private func send(_ frame: Frame, _ publication: Publication, _ publisher: Publisher) -> Bool {
    scratch.removeAll()
    scratch.append(utf8: keys.messagePrefix)
    scratch.append(utf8: publication.channel.string)
    let split = scratch.bytes.count
    BrokerPayload(publication.kind.payload, excluded: publication.excluded).appendHeader(to: &scratch)
    frame.withPayload { scratch.append($0) }
    return scratch.bytes.withUnsafeBytes { bytes in
      commands.publish(
        UnsafeRawBufferPointer(rebasing: bytes[..<split]), UnsafeRawBufferPointer(rebasing: bytes[split...])
      ) { [unowned self] outcome in
        published(outcome, publisher) { _ in PublishReceipt() }
      }
    }
  }

  private func published(
    _ outcome: RedisLink.Outcome, _ publisher: Publisher, _ receipt: (RedisReplyView) -> PublishReceipt?
  ) {
    let caller = publisher.caller
    switch outcome {
    case .reply(let reply):
      if let error = reply.error {
        refuse(caller, .unavailable, "Redis refused the message; nothing was published.")
        complain(error)
      } else if let receipt = receipt(reply) {
        guard caller.wantsReceipt else { return }
        outlet.answer(.success(.published(publisher.channel, publisher.kind, receipt)), to: caller)
      } else {
        refuse(caller, .internal, "Redis holds something under the channel's keys that is not Apus' own.")
      }
    case .lost: refuse(caller, .timeout, "Redis did not answer; the message may or may not have been published.")
    }
  }

  private func refuse(_ caller: Caller, _ code: ErrorCode, _ message: String) {
    outlet.answer(.failure(Refusal(id: caller.request, code, message)), to: caller)
  }

  /// Logs an error of Redis and acts on those that mean the connection is of no use.
  func complain(_ error: RedisError) {
    guard !error.isFenced else { return fenced() }
    switch error.code {
    case .readOnly, .loading, .masterDown, .noAuth: commands.reset(error.advice)
    case .outOfMemory, .noPermission, .wrongPassword, .noScript, .other:
      // Clients can bring it about by each of their commands.
      guard let refused = refusals[error.code, default: FailureTally()].failed(now: loop.now) else { return }
      logger.error("Redis refuses commands: \(error.advice)", metadata: ["refused": "\(refused)"])
    }
  }

  // MARK: Subscriptions

  func act(_ action: Interest.Action?) {
    switch action {
    case nil: break
    case .subscribe(let channel): subscribe(to: [channel])
    case .unsubscribe(let channel):
      crowd.forget(channel)
      watched.remove(channel)
      forgetHistory(channel)
      sendSubscription("UNSUBSCRIBE", [keys.messages(channel)])
    case .attached(let channel, let loops):
      act(continuity.attached(channel))
      for loop in loops { outlet.post(.attached(channel), to: loop) }
    }
  }

  func subscribe(to channels: [ChannelName]) {
    for start in stride(from: 0, to: channels.count, by: Self.subscribeBatch) {
      let batch = channels[start..<min(start + Self.subscribeBatch, channels.count)]
      sendSubscription("SUBSCRIBE", batch.map(keys.messages))
    }
  }

  func subscribeControl() {
    sendSubscription("SUBSCRIBE", [keys.control, keys.control(nodeID)])
  }

  /// The node is about to go on under another id.
  func unsubscribeOwnControl() {
    sendSubscription("UNSUBSCRIBE", [keys.control(nodeID)])
  }

  /// A link that is gone takes nothing; what it had is asked for anew when it is back.
  private func sendSubscription(_ name: String, _ channels: [String]) {
    var command = RedisCommand(name)
    for channel in channels { command.arg(channel) }
    _ = subscriber.sendSubscription(command, confirmations: channels.count)
  }

  // MARK: In

  /// Leaves what comes from Redis there while a loop is far behind: Redis holds it for us up to a limit of its own, and
  /// a subscription it then cuts off is a loss that is noticed.
  func pauseWhileCongested() {
    outlet.isCongested ? pause() : subscriber.resume()
  }

  func pause() {
    hasPaused = true
    subscriber.pause()
  }

  func received(_ reply: RedisReplyView) {
    if let error = reply.error { return subscriber.reset(error.advice) }
    guard let kind = reply[0]?.bytes, let name = reply[1]?.bytes else { return }
    switch kind.first {
    case UInt8(ascii: "m"): if let payload = reply[2]?.bytes { received(payload, on: name) }
    case UInt8(ascii: "s"): subscribed(name)
    case UInt8(ascii: "u"):
      subscriber.confirmed()
      if let channel = channel(of: name) { act(interest.ended(channel)) }
    default: break
    }
  }

  private func subscribed(_ name: UnsafeRawBufferPointer) {
    subscriber.confirmed()
    if let channel = channel(of: name) {
      act(interest.confirmed(channel, now: loop.now))
    } else if String(decoding: name, as: UTF8.self) == keys.control(nodeID) {
      isSubscriberReady = true
      checkReady()
    }
  }

  private func received(_ payload: UnsafeRawBufferPointer, on name: UnsafeRawBufferPointer) {
    guard let channel = channel(of: name) else {
      return receivedControl(payload, isForAll: name.elementsEqual(keys.control.utf8))
    }
    guard let (header, range) = BrokerPayload.parse(payload) else { return receivedForeign(payload, channel) }
    let text = UnsafeRawBufferPointer(rebasing: payload[range])
    switch header.kind {
    case .message: received(EventEncoder.text(text), header, channel)
    case .signal: deliver(channel, EventEncoder.text(text), mark: .fleeting, .listeners, excluding: header.excluded)
    case .presence: receivedPresence(text, channel, excluding: header.excluded)
    case .binary:
      // It names its channel a second time, and another program may have put it together.
      guard let message = BinaryMessage(text), message.channel == channel.string, message.offset == header.offset,
        text.count <= configuration.maxMessageSize + 8
      else { return malformed() }
      received(FrameEncoder.frame(.binary, payload: text), header, channel)
    }
  }

  /// A message: one that has a place is handed on in its turn.
  private func received(_ frame: Frame, _ header: BrokerPayload, _ channel: ChannelName) {
    guard let epoch = header.epoch, let offset = header.offset else {
      return deliver(channel, frame, .listeners, excluding: header.excluded)
    }
    receivedKept(
      Continuity.Item(
        position: StreamPosition(epoch: epoch, offset: offset), frame: frame, excluded: header.excluded), channel)
  }

  /// Data that another program published as it is: becomes a message from nobody.
  private func receivedForeign(_ payload: UnsafeRawBufferPointer, _ channel: ChannelName) {
    guard payload.first == UInt8(ascii: "{"), payload.count <= configuration.maxMessageSize,
      UTF8Validator.isValid(payload), JSONScanner.validate(payload)
    else { return malformed() }
    let frame = EventEncoder.message(
      channel: channel, from: nil, client: nil, data: payload, timestamp: Int(Sys.wallMilliseconds()))
    deliver(channel, frame, .listeners, excluding: nil)
  }

  func malformed() {
    malformedPayloads += 1
    guard let dropped = malformedTally.failed(now: loop.now) else { return }
    logger.warning("payloads in Redis were not messages and were dropped", metadata: ["dropped": "\(dropped)"])
  }

  func deliver(
    _ channel: ChannelName, _ frame: Frame, mark: StreamMark = .none, _ audience: Audience,
    excluding client: ClientID?
  ) {
    if outlet.isCongested { pause() }
    for loop in interest.loops(of: channel) {
      outlet.post(
        .deliver(channel, frame, mark, audience, excluding: client, since: self.loop.nowMicroseconds), to: loop)
    }
  }

  /// The channel of a pub/sub channel's name; nil for the control channels.
  private func channel(of name: UnsafeRawBufferPointer) -> ChannelName? {
    let prefix = keys.messagePrefix.utf8
    guard name.count > prefix.count, name.starts(with: prefix) else { return nil }
    return ChannelName(String(decoding: name[prefix.count...], as: UTF8.self))
  }
}

extension Publication.Kind {
  /// As it is called between nodes.
  fileprivate var payload: BrokerPayload.Kind {
    switch self {
    case .message: .message
    case .binary: .binary
    case .signal: .signal
    }
  }
}
