import Cluster
import Logging
import Model
import Reactor
import Redis

/// What the parts of a keyspace share: its names in Redis, the ways there, the way to the loops, and how it stands.
///
/// The keyspace alone changes how it stands.
final class KeyspaceContext {
  /// Its number among those of the node.
  let index: KeyspaceIndex
  unowned let loop: Loop
  unowned let outlet: any BrokerOutlet
  let configuration: RedisBroker.Configuration
  let keys: RedisKeys
  let logger: Logger
  let links: any KeyspaceLinks
  let layout: Layout
  let shares: KeyspaceShares

  /// Whether everything has been entered by the command link, so that requests are answered.
  var isReady = false
  /// How the node stands with the keyspace.
  var linkState = LinkState.lost
  /// Counts the lives of the command link, so that work of an earlier one stops.
  var generation: UInt64 = 0
  /// Called where an error says that the node's lease is gone.
  var onFenced: () -> Void = {}
  private var random = SystemRandomNumberGenerator()
  /// What Redis refuses is told of once in a while, by the kind of error.
  private var refusals: [RedisError.Code: LogThrottle] = [:]

  init(
    _ index: KeyspaceIndex, _ links: any KeyspaceLinks, _ keys: RedisKeys, _ layout: Layout, _ shares: KeyspaceShares,
    on loop: Loop, outlet: any BrokerOutlet, configuration: RedisBroker.Configuration, logger: Logger
  ) {
    self.index = index
    self.links = links
    self.keys = keys
    self.layout = layout
    self.shares = shares
    self.loop = loop
    self.outlet = outlet
    self.configuration = configuration
    self.logger = logger
  }

  /// What becomes of events that have come from Redis.
  var eventCheck: EventCheck { EventCheck(maxMessageSize: configuration.maxMessageSize) }

  /// Something random, for where Redis has no seed.
  func newSeed() -> String { String(random.next(), radix: 36) }

  /// Publishes where all nodes, or one of them, are told something; otherwise as `links.send`.
  func publish(_ payload: [UInt8], to channel: String, answer: @escaping (RedisLink.Outcome) -> Void) -> Bool {
    var command = RedisCommand(links.pubSub.publish.description, channel)
    command.arg(payload)
    return links.send(command, answer: answer)
  }

  func newNodeID() -> NodeID? { NodeID(name: configuration.nodeName, using: &random) }

  /// Does what an error of Redis asks for: logs it, or gives up a connection that is of no use.
  func handle(serverError error: RedisError) {
    guard !error.isFenced else { return onFenced() }
    if error.code == .noReplicas { links.doubt() }
    if links.isInCluster, error.isOfSlot { return }
    switch error.code {
    case .readOnly, .loading, .masterDown, .noAuth: links.resetCommands(error.advice)
    case .outOfMemory, .noPermission, .wrongPassword, .noScript, .noReplicas, .moved, .ask, .tryAgain, .clusterDown,
      .crossSlot, .other:
      // Clients can bring it about by each of their commands.
      guard let refused = refusals[error.code, default: LogThrottle()].failed(now: loop.now) else { return }
      logger.error("Redis refuses commands: \(error.advice)", metadata: ["refused": "\(refused)"])
    }
  }
}

@available(*, unavailable)
extension KeyspaceContext: Sendable {}
