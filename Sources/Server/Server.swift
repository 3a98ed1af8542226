import Cluster
import Hub
import Locks
import Logging
import Model
import Reactor

/// Tells of this node what a `Survey` asks; nothing where it cannot.
package typealias SurveyRespondent = @Sendable ([UInt8]) async -> [UInt8]

/// The WebSocket side of a node: loops, relay and listeners, assembled and running.
package final class Server: Sendable {
  /// Where it listens, with the real ports.
  package let addresses: [SocketAddress]
  package let connectionCounter: ConnectionCounter
  private let threads: [LoopThread]
  let workers: [LoopBound<Worker>]
  private let relay: LoopBound<Relay>
  /// Of the unix sockets it listens on.
  private let files: [SocketFile]
  let addressLimits: AddressLimits
  /// The rates of users, and of addresses of those who are anonymous and have no connection.
  let rates: (limit: RateLimit, users: UserRateTable, addresses: UserRateTable)
  /// Nil where no tokens are checked.
  let authenticator: Authenticator?
  /// Counts streams, which take the loops in turns.
  let nextLoop = Lock<UInt>(0)

  /// Makes the broker, on the relay loop.
  package typealias BrokerFactory = @Sendable (Loop, any BrokerOutlet) -> any Broker

  /// Starts the threads and listens.
  ///
  /// `handOver` is called on a loop's thread with every connection that is not for the WebSocket's path; the callee owns it.
  /// `isOpen` is called when everything that stays open is there but what the broker opens, to open the `room`; what it
  /// throws is thrown, and nobody is served.
  /// Tokens are checked by `authority`; without one they say nothing. Methods that the node does not know are done by
  /// `backend`; without one they are unknown.
  package static func start(
    _ configuration: ServerConfiguration, connectionCounter: ConnectionCounter, room: Room,
    authority: (any TokenAuthority)? = nil,
    backend: (any Backend)? = nil, refusals: RefusalLog, logger: Logger,
    respondent: @escaping SurveyRespondent = { _ in [] }, broker: @escaping BrokerFactory,
    handOver: @escaping @Sendable (HandedOver) -> Void, isOpen: () throws -> Void
  ) throws -> Server {
    Sys.ignoreSIGPIPE()
    var sockets: [[ListeningSocket]] = []
    do {
      for address in configuration.addresses {
        sockets.append(try ListeningSocket.open(address, count: configuration.loops))
      }
      let bootstrap = ServerBootstrap(
        configuration, connectionCounter, room, authority, backend, refusals, logger, respondent, handOver)
      let threads = try bootstrap.startThreads()
      let (workers, relay) = try bootstrap.parts()
      try isOpen()
      bootstrap.begin(relay, broker)
      for (index, worker) in workers.enumerated() {
        let own = sockets.map { $0[index] }
        worker.execute { $0.listen(own) }
        room.onCall { worker.execute { $0.endVisitor() } }
      }
      return Server(sockets.map { $0[0] }, connectionCounter, bootstrap, threads, workers, relay)
    } catch {
      for socket in sockets { socket.first?.file?.remove() }
      throw error
    }
  }

  private init(
    _ sockets: [ListeningSocket], _ connectionCounter: ConnectionCounter, _ bootstrap: ServerBootstrap,
    _ threads: [LoopThread],
    _ workers: [LoopBound<Worker>],
    _ relay: LoopBound<Relay>
  ) {
    addresses = sockets.map(\.address)
    files = sockets.compactMap(\.file)
    self.connectionCounter = connectionCounter
    addressLimits = bootstrap.addresses
    rates = (bootstrap.configuration.hub.rate, bootstrap.users, bootstrap.addressRates)
    authenticator = bootstrap.authenticator
    self.threads = threads
    self.workers = workers
    self.relay = relay
  }

  /// The rules for channels are others from now on, for those who are connected, too.
  package func adopt(_ rules: ChannelRules) {
    for worker in workers { worker.execute { $0.adopt(rules) } }
  }

  /// What every loop has counted until now, in order of the loops.
  package func statistics() async -> [Statistics] {
    var all: [Statistics] = []
    for worker in workers {
      if let statistics = await worker.ask({ $0.currentStatistics() }) { all.append(statistics) }
    }
    return all
  }

  /// How the broker stands.
  package func brokerStatus() async -> BrokerStatus? {
    await relay.ask { $0.broker?.status }.flatMap { $0 }
  }

  /// Asks the cluster for the control plane: several questions in their order, each without waiting for the answer to the
  /// one before. Questions of others may come between them. The answers are in the order of the questions.
  package func ask(_ questions: [Question]) async -> [Result<Answer, Refusal>] {
    await withCheckedContinuation { continuation in
      let accepted = relay.execute { $0.ask(questions) { continuation.resume(returning: $0) } }
      if !accepted { continuation.resume(returning: questions.map { _ in .failure(Relay.gone) }) }
    }
  }

  /// Refuses new handshakes and lets the clients go within `window` milliseconds; returns when they have gone or it is
  /// over.
  package func drain(window: Int64) async {
    let workers = workers
    relay.execute { $0.broker?.beginDraining() }
    await withTaskGroup(of: Void.self) { group in
      for worker in workers {
        group.addTask {
          await withCheckedContinuation { continuation in
            let accepted = worker.execute { worker in
              let limit = window + ServerConfiguration.closeTimeout
              let completion = Completion(on: worker.loop, within: limit) { continuation.resume() }
              worker.drain(window: window) { completion.finish() }
            }
            if !accepted { continuation.resume() }
          }
        }
      }
    }
  }

  /// Waits for the memberships that have ended with their connections until the grace of each is over: who comes back on
  /// another node meanwhile has never left.
  package func waitForGraces() async {
    await withCheckedContinuation { continuation in
      let accepted = relay.execute { relay in
        guard let broker = relay.broker else { return continuation.resume() }
        broker.waitForGraces { continuation.resume() }
      }
      if !accepted { continuation.resume() }
    }
  }

  /// Closes what is left, ends this node's memberships and its lease, and waits for the threads.
  package func stop() async {
    for file in files { file.remove() }
    for worker in workers { _ = await worker.ask { $0.stop() } }
    await withCheckedContinuation { continuation in
      let accepted = relay.execute { relay in
        guard let broker = relay.broker else { return continuation.resume() }
        broker.stop {
          relay.stopped()
          continuation.resume()
        }
      }
      if !accepted { continuation.resume() }
    }
    for thread in threads { thread.stop() }
  }
}
