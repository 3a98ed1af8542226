import Logging
import Reactor
import Redis
import TLS

/// A Redis Cluster as a node uses it: a link pair to each primary that has a partition, and the way from each partition to
/// the server that has its slot.
final class RedisCluster {
  /// How long a server without a partition stays linked, in milliseconds: a slot may be on its way to it.
  private static let idleness: Int64 = 15_000
  /// The most of these: what they are is told by other servers.
  private static let mostIdle = 8

  let partitions: [PartitionLinks]
  /// The reason why there is no map of slots; nil where there is one.
  private(set) var failure: String? = "not connected yet"
  /// How often the slot of a partition was found at another server.
  private(set) var moves = 0
  private let url: ClusterURL
  private let prefixLength: Int
  private let security: TLSContext?
  private let name: String
  private unowned let loop: Loop
  private let timeout: Int64
  private let logger: Logger
  private var map: ClusterMap
  private var servers: [ServerAddress: ClusterServer] = [:]
  /// When those without a partition are given up.
  private var idle: [ServerAddress: Int64] = [:]
  private var scout: ClusterScout?
  private var open: Set<Int>

  /// `prefix` is what all names begin with, before the tag; `name` is what `CLIENT LIST` shows.
  init(
    _ url: ClusterURL, prefix: String, security: TLSContext?, name: String, on loop: Loop, timeout: Int64,
    logger: Logger
  ) {
    self.url = url
    self.security = security
    self.name = name
    self.loop = loop
    self.timeout = timeout
    self.logger = logger
    prefixLength = prefix.utf8.count
    map = ClusterMap(seeds: url.servers.compactMap { ServerAddress($0.endpoint) })
    let links = PartitionTags.all.indices.map { PartitionLinks($0, prefix: Self.prefix(prefix, of: $0)) }
    partitions = links
    open = Set(links.indices)
    for each in links { each.cluster = self }
  }

  /// The beginning of all names of a partition.
  static func prefix(_ prefix: String, of partition: Int) -> String { "\(prefix){\(PartitionTags.all[partition])}:" }

  var now: Int64 { loop.now }

  /// The partition of a name in pub/sub, by its tag.
  func partition(ofName name: UnsafeRawBufferPointer) -> PartitionLinks? {
    var number = 0
    // Behind the prefix and `{`.
    for byte in name.dropFirst(prefixLength + 1) {
      guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte), number < partitions.count else { break }
      number = number * 10 + Int(byte - UInt8(ascii: "0"))
    }
    return number < partitions.count ? partitions[number] : nil
  }

  /// Servers that are linked, by their addresses.
  var linked: [ClusterServer] { servers.values.sorted { $0.address.description < $1.address.description } }

  // MARK: Time

  func start() {
    tick()
  }

  /// To be called about ten times a second.
  func tick() {
    let isAway = partitions.contains { !$0.isOpen || $0.subscribed == nil }
    act(map.tick(now: now, isAway: isAway))
    for partition in partitions { partition.tick(now: now) }
    giveUpIdle()
  }

  private var used: Set<ServerAddress> {
    Set(partitions.flatMap { [$0.server?.address, $0.subscribed?.address].compactMap(\.self) })
  }

  /// Makes room for one more server.
  private func limitIdle() {
    let used = used
    let unused = servers.keys.filter { !used.contains($0) }
    guard unused.count >= Self.mostIdle, let first = unused.min(by: { idle[$0] ?? .max < idle[$1] ?? .max }) else {
      return
    }
    servers.removeValue(forKey: first)?.stop()
  }

  private func giveUpIdle() {
    let used = used
    for address in servers.keys where !used.contains(address) {
      guard let end = idle[address] else {
        idle[address] = now + Self.idleness
        continue
      }
      if now >= end { servers.removeValue(forKey: address)?.stop() }
    }
    idle = idle.filter { servers[$0.key] != nil && !used.contains($0.key) }
  }

  /// A keyspace has left.
  func stopped(_ partition: PartitionLinks) {
    open.remove(partition.index)
    guard open.isEmpty else { return }
    scout?.stop()
    for server in servers.values { server.stop() }
  }

  // MARK: The map

  private func act(_ actions: [ClusterMap.Action]) {
    for action in actions {
      switch action {
      case .ask(let candidates): ask(candidates)
      case .assign(let index, let address): assign(partitions[index], address)
      }
    }
  }

  private func assign(_ partition: PartitionLinks, _ address: ServerAddress?) {
    if partition.server != nil, partition.server?.address != address { moves += 1 }
    partition.assign(address.map { link(to: $0) })
  }

  private func ask(_ candidates: [ServerAddress]) {
    let reachable = candidates.lazy.compactMap { self.servers[$0] }.first { $0.server.commands.isConnected }
    if let reachable {
      return ClusterAnswer.ask(by: reachable.server.commands, at: reachable.address) { [unowned self] result in
        answered(reachable.address, result)
      }
    }
    if scout?.ask(then: { [unowned self] in answered($0, $1) }) == true { return }
    map.unanswered(by: nil, now: now)
    beginScouting(candidates)
  }

  private func beginScouting(_ candidates: [ServerAddress]) {
    guard scout == nil, !candidates.isEmpty else { return }
    let urls = candidates.map { ($0, url.server(at: $0)) }
    let scout = ClusterScout(
      urls, security: security, name: name, on: loop, timeout: timeout, logger: logger
    ) { [unowned self] in answered($0, $1) }
    self.scout = scout
    scout.start()
  }

  private func answered(_ address: ServerAddress, _ result: Result<ClusterAnswer, ClusterAnswer.Failure>) {
    switch result {
    case .success(let answer):
      failure = answer.slots.isEmpty ? "\(address): no slot of the Cluster has an owner" : nil
      if let actions = map.answered(by: address, answer.slots, answer.state, now: now) {
        act(actions)
      } else {
        scout?.leave(address, failure ?? "its map of slots is older than what is known")
      }
    case .failure(let failure):
      map.unanswered(by: address, now: now)
      scout?.leave(address, failure.reason)
      if servers.values.allSatisfy({ $0.run == nil }) { self.failure = "\(address): \(failure.reason)" }
    }
    if let failure { for partition in partitions { partition.isNowhere(failure) } }
  }

  /// `MOVED` to there; nil where that cannot be connected to.
  func moved(_ partition: Int, to address: ServerAddress?) {
    guard let address else { return doubt() }
    act(map.moved(partition, to: address, now: now))
  }

  func isDown(_ server: ClusterServer) {
    map.isDown(server.address, now: now)
  }

  /// There is a sign that slots are elsewhere.
  func doubt() {
    map.doubt(now: now)
  }

  // MARK: Servers

  /// The server at that address, which is linked from now on.
  @discardableResult
  func link(to address: ServerAddress) -> ClusterServer {
    if let server = servers[address] { return server }
    limitIdle()
    let server = RedisServer(
      inClusterAt: url.server(at: address), security: security, name: name, on: loop, timeout: timeout, logger: logger)
    let linked = ClusterServer(address, server, of: self)
    servers[address] = linked
    linked.start()
    return linked
  }

  private func partitions(of server: ClusterServer) -> [PartitionLinks] { partitions.filter { $0.server === server } }

  func commandsReady(_ server: ClusterServer) {
    scout?.stop()
    scout = nil
    for partition in partitions(of: server) { partition.commandsReady() }
  }

  func commandsLost(_ server: ClusterServer, _ loss: LinkLoss) {
    doubt()
    for partition in partitions { partition.forget(server.address) }
    for partition in partitions(of: server) { partition.commandsLost(loss) }
  }

  func subscriberReady(_ server: ClusterServer) {
    for partition in partitions(of: server) { partition.offerSubscriptions() }
  }

  func subscriberLost(_ server: ClusterServer, _ loss: LinkLoss) {
    for partition in partitions { partition.subscriberLost(at: server, loss) }
  }
}

@available(*, unavailable)
extension RedisCluster: Sendable {}
