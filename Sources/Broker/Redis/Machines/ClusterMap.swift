import Redis

/// The server that has the slot of each partition, and when servers are asked for the map of slots; without any I/O. Times
/// are in milliseconds.
///
/// A map that is older than what is known does not count: one with a lower epoch, or an empty one. `MOVED` counts more than
/// a map until one agrees with it, since the server that says it has just given the slot away.
struct ClusterMap {
  enum Action: Equatable {
    /// Ask for the map: the first of these that can be asked.
    case ask([ServerAddress])
    /// The slot of that partition is at that server; nil where it has no owner.
    case assign(Int, ServerAddress?)
  }

  private struct Partition {
    let slot: Int
    var owner: ServerAddress?
    /// Where `MOVED` has sent it, and when.
    var redirection: (to: ServerAddress, at: Int64)?
  }

  /// Between two maps while all is well, and while a partition is away.
  static let interval: Int64 = 30_000
  static let intervalWhileAway: Int64 = 1000
  /// After a sign of change the map is asked for within this time: not by all nodes at once.
  static let spread: Int64 = 100
  /// For how long `MOVED` counts more than a map.
  static let trust: Int64 = 5000
  /// After so long in which every map had a lower epoch the Cluster was made again.
  static let patience: Int64 = 10_000

  /// Those of the URL.
  private let seeds: [ServerAddress]
  private var partitions = (0..<PartitionTags.count).map { Partition(slot: PartitionTags.slot(ofPartition: $0)) }
  private var primaries: [ServerAddress] = []
  /// Asked last: they do not answer, say `CLUSTERDOWN`, or have an old map.
  private var unfit: Set<ServerAddress> = []
  /// The server that `MOVED` has named last: its map has the move.
  private var preferred: ServerAddress?
  private var epoch = 0
  /// Since when all maps have a lower epoch.
  private var outdated: Int64?
  private var isAsking = false
  /// When to ask next, while nobody is asked.
  private var due: Int64 = 0

  init(seeds: [ServerAddress]) {
    self.seeds = seeds
  }

  // MARK: Events

  /// To be called about ten times a second; `isAway`: not all partitions can be used.
  mutating func tick(now: Int64, isAway: Bool) -> [Action] {
    if isAway { due = min(due, now + Self.intervalWhileAway) }
    guard !isAsking, now >= due else { return [] }
    isAsking = true
    return [.ask(candidates)]
  }

  /// There is a sign that slots are elsewhere.
  mutating func doubt(now: Int64, after delay: Int64 = Int64.random(in: 0...Self.spread)) {
    due = min(due, now + delay)
  }

  /// `MOVED`: the slot of that partition is there.
  mutating func moved(_ partition: Int, to address: ServerAddress, now: Int64) -> [Action] {
    preferred = address
    doubt(now: now)
    partitions[partition].redirection = (address, now)
    return assign(partition, address)
  }

  /// That server said `CLUSTERDOWN`.
  mutating func isDown(_ address: ServerAddress, now: Int64) {
    unfit.insert(address)
    doubt(now: now)
  }

  /// Nil where that map does not count.
  mutating func answered(by address: ServerAddress, _ slots: ClusterSlots, _ state: ClusterState, now: Int64)
    -> [Action]?
  {
    isAsking = false
    let isOld = state.currentEpoch < epoch
    outdated = isOld ? outdated ?? now : nil
    let isMadeAgain = outdated.map { now - $0 >= Self.patience } ?? false
    guard !slots.isEmpty, !isOld || isMadeAgain else {
      unfit.insert(address)
      due = now + Self.spread
      return nil
    }
    due = now + Self.interval
    epoch = state.currentEpoch
    outdated = nil
    if state.isOK { unfit.remove(address) } else { unfit.insert(address) }
    primaries = slots.primaries.map(\.address)
    preferred = nil
    return partitions.indices.flatMap { index in
      let owner = slots.owner(ofSlot: partitions[index].slot)?.address
      if let redirection = partitions[index].redirection {
        if redirection.to != owner, now - redirection.at < Self.trust { return [Action]() }
        partitions[index].redirection = nil
      }
      let actions = assign(index, owner)
      // Of one without an owner nothing else would tell.
      return owner == nil ? [.assign(index, nil)] : actions
    }
  }

  /// That server, or none at all, could be asked.
  mutating func unanswered(by address: ServerAddress?, now: Int64) {
    isAsking = false
    if let address { unfit.insert(address) }
    if address == preferred { preferred = nil }
    due = now + Self.spread
  }

  // MARK: -

  private mutating func assign(_ partition: Int, _ address: ServerAddress?) -> [Action] {
    guard partitions[partition].owner != address else { return [] }
    partitions[partition].owner = address
    return [.assign(partition, address)]
  }

  /// All servers that are known, each once, those that are likely to answer first.
  private var candidates: [ServerAddress] {
    var seen: Set<ServerAddress> = []
    let all = ([preferred].compactMap(\.self) + primaries.shuffled() + seeds).filter { seen.insert($0).inserted }
    return all.filter { !unfit.contains($0) } + all.filter(unfit.contains)
  }
}
