import DequeModule
import Redis

/// A primary of a Redis Cluster with its two links, which all partitions on it share.
///
/// It passes on what is for each of them: what comes by subscriptions by the tag in the name, and what answers a command of
/// subscriptions by the order in which they were sent.
final class ClusterServer {
  let address: ServerAddress
  let server: RedisServer
  private unowned let cluster: RedisCluster
  /// Its run, as long as commands can be sent.
  private(set) var run: RedisRun?
  /// The server as its INFO told it last, and since when that is known.
  private(set) var identity: ServerIdentity?
  private(set) var known: Int64 = 0
  /// Whether both links lead to the server.
  private(set) var canSubscribe = false
  /// The partition that sends the probes.
  var prober: PartitionLinks?
  /// Commands of subscriptions that are not answered yet, each by its partition and the number of the PING after it.
  private var batches: Deque<(partition: Int, number: Int)> = []
  private var lastNumber = 0

  init(_ address: ServerAddress, _ server: RedisServer, of cluster: RedisCluster) {
    self.address = address
    self.server = server
    self.cluster = cluster
    server.listener = self
  }

  func start() {
    server.start()
  }

  func stop() {
    prober = nil
    server.stop()
  }

  /// Sends SSUBSCRIBE or SUNSUBSCRIBE of names of one partition. All answers come before that to the PING: confirmations, or
  /// one error. Counting them would give an error to another partition.
  func sendSubscription(_ name: String, _ names: [String], of partition: Int) {
    var command = RedisCommand(name)
    for name in names { command.arg(name) }
    guard server.subscriber.sendSubscription(command, confirmations: 0) else { return }
    lastNumber += 1
    batches.append((partition, lastNumber))
    _ = server.subscriber.sendSubscription(RedisCommand("PING", String(lastNumber)), confirmations: 1)
  }
}

extension ClusterServer: KeyspaceLinksListener {
  func commandsReady(_ run: RedisRun) {
    let identity = ServerIdentity(runID: run.name, replicationID: run.replicationID)
    if identity != self.identity { known = cluster.now }
    self.identity = identity
    self.run = run
    cluster.commandsReady(self)
  }

  func commandsLost(_ loss: LinkLoss) {
    run = nil
    cluster.commandsLost(self, described(loss))
  }

  func subscriberReady() {
    canSubscribe = true
    cluster.subscriberReady(self)
  }

  func subscriberLost(_ loss: LinkLoss) {
    canSubscribe = false
    batches = []
    cluster.subscriberLost(self, described(loss))
  }

  func received(_ push: Push) {
    switch push {
    case .message(let name, _), .subscribed(let name), .unsubscribed(let name):
      cluster.partition(ofName: name)?.received(push, name, from: self)
    case .pong(let number):
      while let batch = batches.first, batch.number <= number { batches.removeFirst() }
    case .error(let error):
      guard let batch = batches.first else { return server.subscriber.reset(error.advice) }
      cluster.partitions[batch.partition].refusedSubscription(error, from: self)
    }
  }

  private func described(_ loss: LinkLoss) -> LinkLoss {
    LinkLoss(reason: "\(address): \(loss.reason)", isUnreachable: loss.isUnreachable)
  }
}

@available(*, unavailable)
extension ClusterServer: Sendable {}
