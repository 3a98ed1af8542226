import Cluster
import DequeModule
import Hub
import Logging
import Model
import Reactor
import WebSocket

/// One loop of a server: its listeners, its connections and its hub, and the shell between them.
///
/// The hub decides, the decoder understands, the worker acts. `+Accepting` brings a connection to its 101 (or away to
/// the HTTP side), `+Receiving` takes frames and commands, `+Delivering` sends, `+Closing` ends.
final class Worker: EventSource {
  let index: LoopIndex
  let loop: Loop
  let configuration: ServerConfiguration
  let commons: Commons
  let logger: Logger
  /// Takes a connection that is no WebSocket, unread.
  let handOver: @Sendable (HandedOver) -> Void
  let requests: Postbox<Relay.Request>
  /// How far the relay is behind.
  let requestBacklog: Backlog
  /// How far this loop is behind; nil where the relay lives on it.
  let backlog: Backlog?
  /// Where the relay leaves this loop's events.
  let events: Mailbox<BrokerEvent>
  /// Where the authenticator leaves what it has found.
  let judgements: Mailbox<Authenticator.Judgement>
  /// Where the backend's answers come.
  let answers: Mailbox<BackendDesk.Answer>

  var connections: ConnectionTable
  /// The partial heads of requests, for the few connections that are in their handshake.
  var handshakes: [UInt32: HandshakeParser] = [:]
  /// By slot, of connections that stand still.
  var unread: [UInt32: Unread] = [:]
  var deferred: DeferredSubscribes
  var hub: Hub
  var pool = BufferPool()
  /// For those who agreed on permessage-deflate; each holds some hundred KiB.
  lazy var inflater = Inflater()
  let compressor = Compressor()
  var listeners: [Listener] = []
  /// Connections in their handshake or at their end, which wait to be dealt with.
  var queue: Deque<SessionID> = []
  /// Connections beyond the room, the oldest first.
  var visitors: [Visitor] = []
  var statistics = Statistics()
  var random = SystemRandomNumberGenerator()
  var node: NodeID
  /// Whose connections the broker is told of.
  var registrants = Registrants.users

  /// Slots that have something to send when the turn ends.
  var dirty: [UInt32] = []
  /// Slots that had no room while a frame went out to many; dealt with when that is over.
  var overflowing: [UInt32] = []
  /// Whether the connections whose outbox is rather full are looked at soon.
  var isCheckingSlow = false
  /// By slot: what waits for room in the outbox.
  var waiting: [UInt32: Waiting] = [:]
  /// What the backend has not answered yet.
  var calls = OpenCalls()
  /// Memory for the hub's actions, used in turns.
  var spareActions: [HubAction] = []
  var spareDirty: [UInt32] = []
  var isPerforming = false
  /// How many messages this turn has delivered and when the oldest of them came, for the histogram.
  var deliveries = 0
  var oldestDelivery: Int64 = 0
  /// When the statistics were asked for last, and how much the loop had worked by then; in microseconds.
  private var askedAt: Int64
  private var busyThen: Int64 = 0
  /// Milliseconds at which new handshakes began to be refused, because the node goes away; nil otherwise.
  var drainBegan: Int64?
  /// Until when connections that wait for answers are kept then.
  var drainEnds: Int64 = 0
  var drained: (() -> Void)?

  init(
    index: LoopIndex, on loop: Loop, configuration: ServerConfiguration, commons: Commons,
    requests: Mailbox<Relay.Request>, requestBacklog: Backlog, backlog: Backlog?, logger: Logger,
    handOver: @escaping @Sendable (HandedOver) -> Void
  ) {
    self.index = index
    self.loop = loop
    self.configuration = configuration
    self.commons = commons
    self.logger = logger
    self.handOver = handOver
    self.requests = Postbox(from: loop, to: requests)
    self.requestBacklog = requestBacklog
    self.backlog = backlog
    node = configuration.node
    askedAt = loop.nowMicroseconds
    hub = Hub(limits: configuration.hub, access: configuration.access, users: commons.users)
    deferred = DeferredSubscribes(most: configuration.hub.maxChannels)
    connections = ConnectionTable(limits: configuration.limits(of: .hub))
    events = Mailbox(on: loop)
    judgements = Mailbox(on: loop)
    answers = Mailbox(on: loop)
    judgements.receive { [unowned self] in judged($0) }
    answers.receive { [unowned self] in answered($0) }
    events.receiveBatches { [unowned self] batch in
      for event in batch {
        received(event)
        self.backlog?.remove(event.weight)
      }
    }
  }

  /// Begins to accept.
  func listen(_ sockets: [ListeningSocket]) {
    for socket in sockets {
      do {
        listeners.append(try Listener(socket, on: loop, logger: logger) { [unowned self] in accepted($0, from: $1) })
      } catch {
        logger.critical("cannot listen: \(error)", metadata: ["address": "\(socket.address)"])
      }
    }
  }

  /// The rules for channels are others from now on.
  func adopt(_ rules: ChannelRules) {
    hub.adopt(rules)
    performActions()
  }

  /// What this loop has counted until now.
  func currentStatistics() -> Statistics {
    var current = statistics
    current.connections = hub.sessionCount
    current.subscriptions = hub.subscriptionCount
    let elapsed = loop.nowMicroseconds - askedAt
    if elapsed > 0 { current.busyRatio = min(1, Double(loop.busyMicroseconds - busyThen) / Double(elapsed)) }
    askedAt = loop.nowMicroseconds
    busyThen = loop.busyMicroseconds
    current.turns = loop.turns
    for slot in 0..<connections.capacity { current.outboxBytes += connections[slot].pointee.outbox.count }
    for waiting in waiting.values {
      current.outboxBytes += waiting.answerBytes + waiting.recoveryBytes + waiting.newestBytes
    }
    return current
  }

  // MARK: EventSource

  func ready(_ readiness: Readiness, key slot: UInt32) {
    switch connections[slot].pointee.phase {
    case .free: break
    // One that has failed is about to end, and the kernel lets go of all that was queued for it.
    case .open where readiness.contains(.failed): enqueue(readiness, slot)
    case .open: serveNow(readiness, slot)
    case .peeking, .handshaking, .ending: enqueue(readiness, slot)
    }
  }

  func expired(key slot: UInt32) {
    connections[slot].pointee.timer = nil
    switch connections[slot].pointee.phase {
    case .free: break
    case .peeking, .handshaking: enqueue([], isLate: true, slot)
    case .open: keepAlive(slot)
    case .ending: end(slot)
    }
  }

  /// Replaces a connection's one timer. It runs out sooner if the hub wants to be asked before, or if a subscribe waits for
  /// the rate until then.
  func schedule(_ slot: UInt32, after milliseconds: Int64) {
    let connection = connections[slot]
    var delay = milliseconds
    if connection.pointee.due != .max, connection.pointee.closing.isOpen {
      delay = min(delay, max(connection.pointee.due - Sys.wallMilliseconds(), 0))
    }
    if connection.pointee.isPaused, let due = deferred.due(slot) { delay = min(delay, max(due - loop.now, 0)) }
    if let timer = connection.pointee.timer { loop.cancel(timer) }
    connection.pointee.timer = loop.schedule(after: delay, source: self, key: slot)
  }
}

@available(*, unavailable)
extension Worker: Sendable {}
