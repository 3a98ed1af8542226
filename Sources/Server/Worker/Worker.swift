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
/// the HTTP side), `+Receiving` takes frames and commands, `+Delivering` does what hub and broker want, `+Closing` ends;
/// `Delivery` sends.
final class Worker: EventSource {
  let loop: Loop
  let configuration: ServerConfiguration
  let services: SharedServices
  let relay: RelayPort
  /// Where the authenticator leaves what it has found.
  let verifications: Mailbox<Authenticator.Verification>
  /// What the backend has been asked and has not answered yet.
  var calls: BackendCalls

  let connections: ConnectionTable
  /// What is sent to them.
  private(set) lazy var delivery = Delivery(to: connections, configuration, on: loop, owner: self)
  /// Those that are not open yet, or no more.
  var reception = Reception()
  /// Those that stand still.
  var paused: PausedConnections
  /// Commands that have come by HTTP, by the slots of their clients.
  var batches: [UInt32: OpenBatch] = [:]
  var hub: Hub
  /// Actions of the hub on their way to being done.
  var performing = ActionBuffer()
  /// For those who agreed on permessage-deflate; each holds some hundred KiB.
  lazy var inflater = Inflater()
  var listeners: [Listener] = []
  var statistics = Statistics()
  private var load: LoadMeter
  var random = SystemRandomNumberGenerator()
  var node: NodeID
  /// Whose connections the broker is told of, in each keyspace.
  var reportedConnections: [ReportedConnections]
  var drain = Drain()

  init(on loop: Loop, configuration: ServerConfiguration, services: SharedServices, relay: RelayPort) {
    self.loop = loop
    self.configuration = configuration
    self.services = services
    self.relay = relay
    node = configuration.node
    load = LoadMeter(on: loop)
    reportedConnections = Array(repeating: .users, count: configuration.keyspaces.count)
    hub = Hub(
      limits: configuration.hub, access: configuration.access, users: services.users,
      keyspaces: configuration.keyspaces)
    paused = PausedConnections(most: configuration.hub.maxChannels)
    connections = ConnectionTable(limits: configuration.limits(of: .hub))
    verifications = Mailbox(on: loop)
    calls = BackendCalls(answers: Mailbox(on: loop))
    verifications.receive { [unowned self] in verified($0) }
    calls.answers.receive { [unowned self] in answered($0) }
    relay.events.receiveBatches { [unowned self] batch in
      // Taken out one by one, not copied.
      while let event = batch.popFirst() {
        let weight = event.weight
        received(event)
        self.relay.eventsInFlight?.remove(weight)
      }
    }
  }

  /// Begins to accept.
  func listen(_ sockets: [ListeningSocket]) {
    for socket in sockets {
      do {
        listeners.append(
          try Listener(socket, on: loop, logger: services.logger) { [unowned self] in accepted($0, from: $1) })
      } catch {
        services.logger.critical("cannot listen: \(error)", metadata: ["address": "\(socket.address)"])
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
    current.streams = delivery.streams.count - delivery.polls.count
    if let ratio = load.take(of: loop) { current.busyRatio = ratio }
    current.turns = loop.turns
    current.outboxBytes = delivery.waitingBytes
    current.sends = delivery.counts.sends
    current.delivered = delivery.counts.delivered
    current.dropped = delivery.counts.dropped
    current.delivery = delivery.counts.time
    return current
  }

  // MARK: EventSource

  func ready(_ readiness: Readiness, key slot: UInt32) {
    switch connections[slot].pointee.phase {
    case .free: break
    // One that has failed is about to end, and the kernel lets go of all that was queued for it.
    case .open where readiness.contains(.failed): enqueue(readiness, slot)
    // Of a stream's client nothing is read: what tells its end is this alone.
    case .open where connections[slot].pointee.endpoint == .events && readiness.isPeerGone: end(slot)
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
    if connection.pointee.isPaused, let due = paused.deferred.due(slot) { delay = min(delay, max(due - loop.now, 0)) }
    if let timer = connection.pointee.timer { loop.cancel(timer) }
    connection.pointee.timer = loop.schedule(after: delay, source: self, key: slot)
  }
}

@available(*, unavailable)
extension Worker: Sendable {}
