import Broker
import Hub
import Locks
import Logging
import Model
import Pages
import Reactor
import Server

/// The server of this node; HummingbirdCore has a `Server`, too.
typealias WebSocketServer = Server

/// What of a node is on no loop: the HTTP side with all that it answers, and what the other nodes are told of this one.
///
/// It is made before the server, which hands connections to it, and asks the server later.
struct ControlPlane: Sendable {
  let health: Health
  let refusals: RefusalLog
  let respondent: NodeRespondent
  let traffic: Traffic
  let gateway: HTTPGateway
  private let router: Router
  /// With `--dev` alone.
  private let feed: DemoFeed?
  private let running = Lock<Server?>(nil)
  private let rules: Lock<ChannelRules>

  init(_ configuration: NodeConfiguration, _ serverConfiguration: ServerConfiguration, logger: Logger) {
    let running = running
    let server = { @Sendable in running.withLock { $0 } }
    let rules = Lock(serverConfiguration.access.rules)
    self.rules = rules
    let health = Health { await server()?.brokerStatus() }
    self.health = health
    let refusals = RefusalLog(logger)
    self.refusals = refusals
    let traffic = Traffic { await server()?.totals() ?? [] }
    self.traffic = traffic
    respondent = NodeRespondent(
      description: NodeRespondent.Description(
        name: configuration.nodeName, host: Host.name, version: Node.version, started: Sys.wallMilliseconds()),
      server: server, isDraining: { health.isDraining }, census: Census { await server()?.census() ?? [] },
      traffic: traffic)
    let keys = APIKeys(full: configuration.apiKeys, read: configuration.apiReadKeys)
    let apiBodies = BodyRoom()
    let clientBodies = BodyRoom(maxCount: 1024, shares: 8)
    let limits = HTTPLimits(
      proxies: serverConfiguration.proxies,
      isKnown: { keys.rights(of: $0) != nil },
      room: { target, headers in
        // Who shows no key must not take the room of those who do, nor clients that of the backend.
        if target.hasPrefix(API.prefix) {
          return configuration.isDevelopment || keys.rights(of: headers) != nil ? apiBodies : nil
        }
        return Fallbacks.paths.contains(String(target.prefix { $0 != "?" })) ? clientBodies : nil
      })
    let kept = ConnectionCounter(limit: HTTPGateway.maxKept)
    let gateway = HTTPGateway(kept: kept, limits: limits, logger: logger)
    self.gateway = gateway
    let metrics = MetricsPage(
      statistics: { await server()?.statistics() ?? [] }, status: { await server()?.brokerStatus() },
      limitedHTTP: { limits.tally.all })
    let cluster = ClusterAccess(maxMessageSize: configuration.maxMessageSize, rules: { rules.withLock { $0 } }) {
      if let server = server() { return await server.ask($0) }
      return $0.map { _ in .failure(Refusal(.unavailable, "The node is not ready yet; nothing was done.")) }
    }
    feed =
      configuration.isDevelopment
      ? DemoFeed(
        node: serverConfiguration.node.string, host: Host.name, cluster: cluster, server: server,
        isDraining: { health.isDraining }) : nil
    let authorizer = APIAuthorizer(
      keys: keys, isDevelopment: configuration.isDevelopment, origins: configuration.origins,
      proxies: serverConfiguration.proxies, refusals: refusals)
    let visitors = Visitors(
      origins: configuration.origins, proxies: serverConfiguration.proxies, refusals: refusals,
      requiresIdentity: serverConfiguration.access.requiresIdentity,
      trustsUserParameter: serverConfiguration.trustsUserParameter, server: server)
    let judge = ChannelJudge { rules.withLock { $0 } }
    let streams = Streams(
      visitors: visitors, maxChannels: configuration.maxChannels, judge: judge,
      isDraining: { health.isDraining }, server: server, takeBack: { await gateway.takeBack($0) })
    router = Router(
      webSocketPath: configuration.webSocketPath,
      echoPath: configuration.echoes ? ServerConfiguration.echoPath : nil, hosts: configuration.hosts,
      refusals: refusals, kept: kept, health: health, metrics: metrics,
      api: API(cluster, streams, authorizer, metrics: metrics.api, version: Node.version, logger: logger),
      fallbacks: Fallbacks(
        visitors: visitors, streams: streams,
        polls: Polls(
          visitors: visitors, judge: judge, maxChannels: configuration.maxChannels, cluster: cluster, server: server),
        commands: Commands(visitors: visitors, server: server)),
      files: BrowserFiles(pages: Pages(for: configuration.audiences)))
  }

  /// The server is there, and may be asked.
  func begin(_ server: Server) {
    running.withLock { $0 = server }
  }

  /// The rules for channels are others from now on.
  func adopt(_ rules: ChannelRules) {
    self.rules.withLock { $0 = rules }
  }

  /// Serves until the gateway is finished.
  func run() async {
    await withTaskGroup(of: Void.self) { group in
      group.addTask { await traffic.keepLooking() }
      if let feed { group.addTask { await feed.keepPublishing() } }
      await gateway.run(router.respond)
      group.cancelAll()
    }
  }
}

extension NodeConfiguration {
  /// For whom the node serves files. The console asks for a key, where there is any.
  fileprivate var audiences: Set<Pages.Audience> {
    let isOperated = !apiKeys.isEmpty || !apiReadKeys.isEmpty
    let candidates: [(Pages.Audience, Bool)] = [
      (.everybody, true), (.development, isDevelopment), (.operators, isDevelopment || isOperated),
    ]
    return Set(candidates.filter(\.1).map(\.0))
  }
}
