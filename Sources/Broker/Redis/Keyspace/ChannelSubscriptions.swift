import Cluster
import Logging
import Model
import Protocol
import Reactor
import Redis

/// Who hears of what comes by the subscriptions of a keyspace.
protocol SubscriptionListener: AnyObject {
  /// A message that has its place in a history.
  func received(kept item: Continuity.Item, in channel: ChannelName)
  /// The channel's history was thrown away, and goes on after that position.
  func received(cleared position: StreamPosition, in channel: ChannelName)
  /// A join or a leave.
  func received(presence event: ChannelEvent, in channel: ChannelName)
  /// Something on a control channel; `isForAll`: on that of all nodes.
  func received(control payload: UnsafeRawBufferPointer, isForAll: Bool)
  /// Messages of the channel arrive from now on.
  func attached(_ channel: ChannelName)
  /// Nobody here listens to the channel any more.
  func abandoned(_ channel: ChannelName)
  /// The control channels are confirmed.
  func controlSubscribed()
}

/// What is subscribed in a keyspace, and what comes by it.
final class ChannelSubscriptions {
  /// Channels in one SUBSCRIBE or UNSUBSCRIBE.
  private static let batch = 512

  private unowned let context: KeyspaceContext
  private unowned let lease: NodeLease
  unowned var listener: any SubscriptionListener
  private var table = SubscriptionTable()
  /// Payloads that were nothing a node says.
  private(set) var malformedPayloads = 0
  /// Payloads of a later version.
  private(set) var unknownPayloads = 0
  private var malformedLog = LogThrottle()
  /// Whether the subscriber was left unread since it was last asked for.
  private var hasPaused = false

  init(_ context: KeyspaceContext, _ lease: NodeLease, listener: any SubscriptionListener) {
    self.context = context
    self.lease = lease
    self.listener = listener
  }

  /// How many channels have a listener on this node.
  var activeCount: Int { table.activeCount }

  func knows(_ channel: ChannelName) -> Bool { table.knows(channel) }

  /// Whether anybody here listens to the channel.
  func isHeard(_ channel: ChannelName) -> Bool { !table.loops(of: channel).isEmpty }

  // MARK: Loops

  func attach(_ channel: ChannelName, _ loop: LoopIndex) {
    act(table.attach(channel, loop))
  }

  func detach(_ channel: ChannelName, _ loop: LoopIndex) {
    table.detach(channel, loop, now: context.loop.now)
  }

  /// Gives up what nobody has listened to for a while.
  func expire() {
    for action in table.expire(now: context.loop.now) { act(action) }
  }

  private func act(_ action: SubscriptionTable.Action?) {
    switch action {
    case nil: break
    case .subscribe(let channel): subscribe(to: [channel])
    case .unsubscribe(let channel):
      listener.abandoned(channel)
      context.links.unsubscribe([context.keys.messages(channel)])
    case .attached(let channel, let loops):
      listener.attached(channel)
      for loop in loops { context.outlet.post(.attached(channel), to: loop) }
    }
  }

  // MARK: The link

  func linked() {
    let channels = table.linked()
    subscribeControl()
    subscribe(to: channels)
  }

  func linkLost() {
    table.linkLost()
  }

  /// Before there is a link there is nothing to be done: all is subscribed when there is one.
  func subscribeControl() {
    guard table.isLinked else { return }
    context.links.subscribe([context.keys.control, context.keys.control(lease.nodeID)])
  }

  /// The node is about to go on under another id.
  func unsubscribeOwnControl() {
    guard table.isLinked else { return }
    context.links.unsubscribe([context.keys.control(lease.nodeID)])
  }

  private func subscribe(to channels: [ChannelName]) {
    for start in stride(from: 0, to: channels.count, by: Self.batch) {
      let batch = channels[start..<min(start + Self.batch, channels.count)]
      context.links.subscribe(batch.map(context.keys.messages))
    }
  }

  // MARK: Congestion

  /// Leaves what comes from Redis there while a loop is far behind: Redis holds it for us up to a limit of its own, and
  /// a subscription it then cuts off is a loss that is noticed.
  func pauseWhileCongested() {
    context.outlet.isCongested ? pause() : context.links.resume()
  }

  func pause() {
    hasPaused = true
    context.links.pause()
  }

  /// Whether the subscriber was left unread since this was last asked.
  func takeHasPaused() -> Bool {
    defer { hasPaused = false }
    return hasPaused
  }

  // MARK: In

  func received(_ push: Push) {
    switch push {
    case .message(let name, let payload): received(payload, on: name)
    case .subscribed(let name): subscribed(name)
    case .unsubscribed(let name): if let channel = channel(of: name) { act(table.ended(channel)) }
    case .pong, .error: break
    }
  }

  private func subscribed(_ name: UnsafeRawBufferPointer) {
    if let channel = channel(of: name) {
      act(table.confirmed(channel, now: context.loop.now))
    } else if String(decoding: name, as: UTF8.self) == context.keys.control(lease.nodeID) {
      listener.controlSubscribed()
    }
  }

  private func received(_ payload: UnsafeRawBufferPointer, on name: UnsafeRawBufferPointer) {
    guard let channel = channel(of: name) else {
      return listener.received(control: payload, isForAll: name.elementsEqual(context.keys.control.utf8))
    }
    guard let (header, range) = BrokerPayload.parse(payload) else {
      return BrokerPayload.isUnknown(payload) ? unknown() : received(foreign: payload, channel)
    }
    received(header, UnsafeRawBufferPointer(rebasing: payload[range]), channel)
  }

  /// An event with its header. One that is not fit for clients is dropped; where it has an offset that is told, or what
  /// follows it would be taken for a jump.
  private func received(_ header: BrokerPayload, _ bytes: UnsafeRawBufferPointer, _ channel: ChannelName) {
    if header.kind == .cleared, let position = header.position {
      return listener.received(cleared: position, in: channel)
    }
    let check = context.eventCheck
    let isFit =
      header.kind == .binary
      ? check.accepts(binary: bytes, of: channel, offset: header.offset) : check.accepts(bytes)
    if !isFit { malformed() }
    let isMessage = header.kind == .message || header.kind == .binary
    let position = isMessage ? header.position : nil
    let event =
      isFit ? ChannelEvent(header.kind.event, EventText(bytes), at: position, excluding: header.excluded) : nil
    if let position {
      listener.received(kept: Continuity.Item(position: position, event: event), in: channel)
    } else if let event {
      header.kind == .presence ? listener.received(presence: event, in: channel) : deliver(event, channel)
    }
  }

  /// Data that another program published as it is: becomes a message from nobody.
  private func received(foreign payload: UnsafeRawBufferPointer, _ channel: ChannelName) {
    guard payload.count <= context.configuration.maxMessageSize, Interchange.isObject(payload) else {
      return malformed()
    }
    let text = Interchange.message(
      channel: channel, from: nil, client: nil, data: payload, timestamp: Int(Sys.wallMilliseconds()))
    deliver(ChannelEvent(.message, text), channel)
  }

  func malformed() {
    malformedPayloads += 1
    guard let dropped = malformedLog.failed(now: context.loop.now) else { return }
    context.logger.warning("payloads in Redis were not messages and were dropped", metadata: ["dropped": "\(dropped)"])
  }

  /// A payload of a kind, or of a version, that only later nodes know.
  func unknown() {
    unknownPayloads += 1
  }

  /// The channel of a pub/sub channel's name; nil for the control channels.
  private func channel(of name: UnsafeRawBufferPointer) -> ChannelName? {
    let prefix = context.keys.messagePrefix.utf8
    guard name.count > prefix.count, name.starts(with: prefix) else { return nil }
    return ChannelName(String(decoding: name[prefix.count...], as: UTF8.self))
  }

  // MARK: To the loops

  /// Hands an event to the loops that listen to its channel.
  func deliver(_ event: ChannelEvent, _ channel: ChannelName) {
    if context.outlet.isCongested { pause() }
    let loops = table.loops(of: channel)
    if loops.isEmpty, !table.knows(channel) { return context.links.disown(context.keys.messages(channel)) }
    for loop in loops {
      context.outlet.post(.deliver(channel, event, since: context.loop.nowMicroseconds), to: loop)
    }
  }
}

extension BrokerPayload.Kind {
  /// What loops call it.
  fileprivate var event: ChannelEvent.Kind {
    switch self {
    case .message, .cleared: .message
    case .signal: .signal
    case .presence: .presence
    case .binary: .binary
    }
  }
}

@available(*, unavailable)
extension ChannelSubscriptions: Sendable {}
