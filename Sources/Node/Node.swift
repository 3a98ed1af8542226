import Broker
import Cluster
import Glibc
import Hub
import Locks
import Logging
import Model
import Pages
import Reactor
import Redis
import Server
import TLS
import Tokens
import UnixSignals

/// A whole node: the WebSocket server, the HTTP side, and their life from start to exit.
package struct Node: Sendable {
  /// The version told in Redis and by `--version`.
  package static let version = "0.1.0"

  private let configuration: NodeConfiguration
  private let logger: Logger

  package init(_ configuration: NodeConfiguration, logger: Logger) {
    self.configuration = configuration
    self.logger = logger
  }

  /// Runs until SIGTERM or SIGINT, then lets the clients go; `started` is called once with where the node listens.
  ///
  /// SIGTERM drains as long as configured and waits for the graces of who has gone, SIGINT (Ctrl-C) closes at once but in
  /// order; a second signal ends the process where it stands.
  package func run(started: @Sendable ([SocketAddress]) -> Void) async throws {
    let descriptors = Sys.raiseDescriptorLimit()
    Sys.reserveDescriptors(descriptors)
    guard let serverConfiguration = configuration.server else { throw ConfigurationError("--node is not a name.") }
    let connectionCounter = ConnectionCounter(limit: configuration.maxConnections)
    let access = try await AccessReloader(configuration, logger)
    let redisSecurity = try RedisSecurity(configuration, logger)
    let control = ControlPlane(configuration, serverConfiguration, logger: logger)
    let room = Room()
    let backend = configuration.backend.map {
      HTTPBackend($0, secret: configuration.backendSecret, logger: logger)
    }
    // From here on, so that no signal finds the process without its handler.
    let signals = Signals(await UnixSignalsSequence(trapping: .sigterm, .sigint, .sighup))
    defer { signals.cancel() }
    let server: Server
    let budget = Lock<DescriptorBudget?>(nil)
    do {
      server = try Server.start(
        serverConfiguration, connectionCounter: connectionCounter, room: room, authority: authority(access),
        backend: backend,
        refusals: control.refusals, logger: logger, respondent: { await control.respondent.answer($0) },
        broker: brokerFactory(serverConfiguration.node, redisSecurity?.context, connectionCounter),
        handOver: { control.gateway.adopt($0) },
        isOpen: { try open(room, descriptors, budget) })
    } catch {
      await backend?.stop()
      throw error
    }
    control.begin(server)
    logger.info("\(configuration.summary)")
    if let budget = budget.withLock(\.self) { tell(budget) }
    started(server.addresses)
    await withTaskGroup(of: Void.self) { group in
      group.addTask { await control.run() }
      let reading = Task {
        await access.keepReading(at: signals.reloads, others: { redisSecurity?.readAgain() }) { rules in
          control.adopt(rules)
          server.adopt(rules)
        }
      }
      await drain(server, control.health, after: await signals.first())
      reading.cancel()
      await backend?.stop()
      control.gateway.finish()
      await group.waitForAll()
    }
    await server.stop()
    logger.info("stopped")
  }

  /// Who can tell whose token it is; nobody where tokens say nothing.
  private func authority(_ access: AccessReloader) -> (any TokenAuthority)? {
    if let verifier = access.verifier { return verifier }
    return configuration.isDevelopment ? UnverifiedTokens() : nil
  }

  /// Shares out the open files that there may be, when all are open but the links to Redis.
  private func open(_ room: Room, _ descriptors: Int, _ shared: Lock<DescriptorBudget?>) throws {
    let links = DescriptorBudget.links(configuration)
    let budget = try DescriptorBudget(
      limit: descriptors, open: Sys.openDescriptors() + links, hasBackend: configuration.backend != nil
    ).validated()
    room.open(budget.room)
    shared.withLock { $0 = budget }
  }

  private func tell(_ budget: DescriptorBudget) {
    logger.info("room for connections", metadata: ["room": "\(budget.room)", "limit": "\(budget.limit)"])
    if let warning = budget.warning(maxConnections: configuration.maxConnections) { logger.warning("\(warning)") }
  }

  private func drain(_ server: Server, _ health: Health, after signal: UnixSignal?) async {
    health.beginDraining()
    let window = signal == .sigterm ? configuration.drain : 0
    logger.info(
      "shutting down", metadata: ["window": "\(window) ms", "connections": "\(server.connectionCounter.count)"])
    await server.drain(window: window)
    if signal == .sigterm { await server.waitForGraces() }
  }

  private func brokerFactory(
    _ id: NodeID, _ redisSecurity: TLSContext?, _ connectionCounter: ConnectionCounter
  ) -> Server.BrokerFactory {
    let configuration = configuration
    let logger = logger
    guard !configuration.redis.isEmpty else {
      return { loop, outlet in
        MemoryBroker(
          on: loop, outlet: outlet, id: id, leaveGrace: configuration.leaveGrace,
          maxHistoryBytes: configuration.maxHistoryBytes, maxRosterBytes: configuration.maxRosterBytes)
      }
    }
    let redis = RedisBroker.Configuration(
      urls: configuration.redis, security: redisSecurity, prefix: configuration.redisPrefix,
      timeout: configuration.redisTimeout,
      leaveGrace: configuration.leaveGrace, nodeName: configuration.nodeName,
      description: [
        ("host", Host.name), ("version", Self.version), ("started", String(Sys.wallMilliseconds())),
        ("maxMessageSize", String(configuration.maxMessageSize)),
      ],
      maxMessageSize: configuration.maxMessageSize, maxHistoryBytes: configuration.maxHistoryBytes,
      maxRosterBytes: configuration.maxRosterBytes, connections: { connectionCounter.count })
    return { loop, outlet in RedisBroker(on: loop, outlet: outlet, id: id, configuration: redis, logger: logger) }
  }
}
