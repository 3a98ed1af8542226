import Redis

/// The events of the links, for a keyspace.
protocol KeyspaceLinksListener: AnyObject {
  /// The server was looked at, and commands can be sent; the run has the name that INFO tells.
  func commandsReady(_ run: RedisRun)
  func commandsLost(_ loss: LinkLoss)
  /// The other link leads to the same server, and nothing is subscribed there yet.
  func subscriberReady()
  func subscriberLost(_ loss: LinkLoss)
  /// Something has come by the subscriptions, lent.
  func received(_ push: Push)
}

/// A link is away.
struct LinkLoss {
  let reason: String
  /// An attempt to come back has failed, too.
  let isUnreachable: Bool
}

/// The two links of a keyspace, one for commands and one for what is subscribed: those of a server, or the part of them that
/// belongs to a partition, wherever its slot is.
protocol KeyspaceLinks: AnyObject {
  /// Set before `start`, and lives as long.
  var listener: (any KeyspaceLinksListener)! { get set }
  var pubSub: PubSub { get }
  /// Whether commands can be sent.
  var isConnected: Bool { get }
  /// Whether this keyspace is the one that probes the links: of all on one server one is enough.
  var isProbed: Bool { get }
  /// The server they lead to; nil while none is known.
  var place: ObjectIdentifier? { get }
  /// Whether the keyspace is a partition of a Redis Cluster.
  var isInCluster: Bool { get }
  /// The server that this node has seen in the partition's slot before; nil where it cannot vouch for any.
  var voucher: ServerIdentity? { get }

  func start()
  func stop()

  // MARK: Commands

  /// As `RedisLink.send`.
  func send(_ command: RedisCommand, answer: @escaping (RedisLink.Outcome) -> Void) -> Bool
  func send(
    _ name: StaticString, _ first: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer,
    answer: @escaping (RedisLink.Outcome) -> Void
  ) -> Bool
  /// As `ScriptRunner.run`.
  func run(_ call: ScriptCall, answer: @escaping (RedisLink.Outcome) -> Void) -> Bool

  // MARK: Subscriptions

  /// Subscribes to names; a link that is gone takes nothing, and what it had is asked for again when it is back.
  func subscribe(_ names: [String])
  func unsubscribe(_ names: [String])
  /// Something has come by a name that is not subscribed.
  func disown(_ name: String)
  /// Reads nothing that comes by subscriptions until `resume`.
  func pause()
  func resume()

  // MARK: How they stand

  /// Both links are of no use to the keyspace, for that reason: they are made again.
  func reset(_ reason: String)
  func resetCommands(_ reason: String)
  /// The same for all keyspaces on the server.
  func resetServer(_ reason: String)
  /// The server may not be the primary any more: asks those who know.
  func doubt()
  /// Looks at the server again, as after a lost connection: it tells `commandsReady` once more.
  func lookAgain()
  /// Both links were of use: when they are lost, the first attempt to come back follows at once.
  func markHealthy()
}

extension KeyspaceLinks {
  func run(
    _ script: Script, keys: [String], _ arguments: [ScriptArgument], answer: @escaping (RedisLink.Outcome) -> Void
  ) -> Bool {
    run(ScriptCall(script: script, keys: keys, arguments: arguments), answer: answer)
  }
}
