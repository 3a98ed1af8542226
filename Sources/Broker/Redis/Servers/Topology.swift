import Cluster
import Logging
import Reactor
import Redis

/// The kind of Redis that a node has, and how the keyspaces are spread over it: shards, of which one Redis alone is the
/// first, or the partitions of a Cluster.
protocol Topology: AnyObject {
  /// The contexts of the keyspaces, in their order.
  func contexts(
    on loop: Loop, outlet: any BrokerOutlet, configuration: RedisBroker.Configuration, logger: Logger
  ) -> [KeyspaceContext]
  /// The node's keyspaces, made of these contexts; before `start`.
  func attach(_ keyspaces: [Keyspace])
  func start()
  /// To be called about ten times a second.
  func tick()

  /// Whether the node may be in this cluster, as far as is known.
  var isAdmitted: Bool { get }
  /// As `BrokerStatus` has them.
  var dependencies: [(name: String, failure: String?)] { get }
  var shards: [BrokerStatus.Shard] { get }
  var moves: Int? { get }
}

extension RedisTarget {
  /// The keyspaces over which names are spread: one for each Redis of the list, or the partitions of a Cluster.
  package static func keyspaces(of targets: [RedisTarget]) -> KeyspaceMap {
    if case .cluster = targets.first { return KeyspaceMap(count: PartitionTags.count) }
    return KeyspaceMap(count: targets.count)
  }
}
