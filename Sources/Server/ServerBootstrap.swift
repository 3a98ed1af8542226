import Cluster
import Locks
import Logging
import Model
import Reactor

/// How the parts of a server, each made on its own thread, find one another.
///
/// The relay comes first, because the workers need its mailbox; it begins last, because it needs theirs.
final class ServerBootstrap: Sendable {
  private struct Parts {
    var relay: LoopBound<Relay>?
    var requests: Mailbox<Relay.Request>?
    var workers: [LoopBound<Worker>] = []
    var mailboxes: [Mailbox<BrokerEvent>] = []
    var inFlight: [InFlightBytes] = []
    var requestsInFlight: InFlightBytes?
    var authenticator: Authenticator?
  }

  struct Incomplete: Error {}

  let configuration: ServerConfiguration
  private let connectionCounter: ConnectionCounter
  private let room: Room
  let addresses: AddressLimits
  let users = UserRateTable()
  /// The rates of addresses, of those who are anonymous and have no connection.
  let addressRates = UserRateTable()
  private let authority: (any TokenAuthority)?
  private let backend: BackendDispatcher?
  private let refusals: RefusalLog
  private let logger: Logger
  private let respondent: SurveyRespondent
  private let handOver: @Sendable (HandedOver) -> Void
  private let shared = Lock(Parts())

  init(
    _ configuration: ServerConfiguration, _ connectionCounter: ConnectionCounter, _ room: Room,
    _ authority: (any TokenAuthority)?,
    _ backend: (any Backend)?, _ refusals: RefusalLog, _ logger: Logger, _ respondent: @escaping SurveyRespondent,
    _ handOver: @escaping @Sendable (HandedOver) -> Void
  ) {
    self.configuration = configuration
    self.connectionCounter = connectionCounter
    self.room = room
    addresses = AddressLimits(
      maxConnections: configuration.maxConnectionsPerAddress, connectRate: configuration.connectRate)
    self.authority = authority
    self.backend = backend.map(BackendDispatcher.init)
    self.refusals = refusals
    self.logger = logger
    self.respondent = respondent
    self.handOver = handOver
  }

  /// Starts one thread for each loop and, when there are several, one for the relay; one more where tokens are checked.
  func startThreads() throws -> [LoopThread] {
    var threads: [LoopThread] = []
    if let authority {
      threads.append(
        try Authenticator.start(authority) { [self] authenticator in
          shared.withLock { $0.authenticator = authenticator }
        })
    }
    if configuration.loops > 1 {
      threads.append(
        try LoopThread.start("apus-relay") { [self] loop in
          makeRelay(loop)
          return nil
        })
    }
    for index in 0..<configuration.loops {
      threads.append(
        try LoopThread.start("apus-loop-\(index)") { [self] loop in
          if configuration.loops == 1 { makeRelay(loop) }
          try makeWorker(index, loop)
          return nil
        })
    }
    return threads
  }

  /// All workers, and the relay, which does not know the workers' mailboxes yet.
  func parts() throws -> ([LoopBound<Worker>], LoopBound<Relay>) {
    let parts = shared.withLock { $0 }
    guard let relay = parts.relay else { throw Incomplete() }
    return (parts.workers, relay)
  }

  /// Who judges tokens, once the threads have started; nil where nobody does.
  var authenticator: Authenticator? { shared.withLock { $0.authenticator } }

  /// Lets the relay begin.
  func begin(_ relay: LoopBound<Relay>, _ broker: @escaping Server.BrokerFactory) {
    let parts = shared.withLock { $0 }
    relay.execute { $0.begin(parts.mailboxes, parts.inFlight, broker) }
  }

  private func makeRelay(_ loop: Loop) {
    let relay = Relay(on: loop, respondent: respondent)
    let requests = relay.mailbox
    let eventsInFlight = relay.requestsInFlight
    let bound = LoopBound(relay, on: loop)
    shared.withLock {
      $0.relay = bound
      $0.requests = requests
      $0.requestsInFlight = eventsInFlight
    }
  }

  private func makeWorker(_ index: LoopIndex, _ loop: Loop) throws {
    let parts = shared.withLock { $0 }
    guard let requests = parts.requests, let requestsInFlight = parts.requestsInFlight else { throw Incomplete() }
    // A loop that is its own relay takes what it posts before it reads on.
    let eventsInFlight = configuration.loops > 1 ? InFlightBytes() : nil
    let port = RelayPort(
      index: index, on: loop, requests: requests, requestsInFlight: requestsInFlight, eventsInFlight: eventsInFlight)
    let services = SharedServices(
      logger: logger, handOver: handOver, connectionCounter: connectionCounter, room: room, addresses: addresses,
      users: users, addressRates: addressRates,
      refusals: refusals, authenticator: parts.authenticator, backend: backend)
    let worker = Worker(on: loop, configuration: configuration, services: services, relay: port)
    let bound = LoopBound(worker, on: loop)
    let mailbox = port.events
    shared.withLock {
      $0.workers.append(bound)
      $0.mailboxes.append(mailbox)
      if let eventsInFlight { $0.inFlight.append(eventsInFlight) }
    }
  }
}
