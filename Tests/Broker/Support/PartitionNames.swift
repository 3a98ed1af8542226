import Cluster
import Model
import Redis
import Testing

/// Names of the partitions of a Cluster, as tests look for them.
enum PartitionNames {
  static let map = KeyspaceMap(count: PartitionTags.count)

  /// The name of a channel of that partition, another one for each number.
  static func channel(of partition: KeyspaceIndex, _ number: Int = 0) throws -> ChannelName {
    let names = (0...).lazy.map { "room:\($0)" }.filter { map.index(ofName: $0) == partition }
    return try #require(ChannelName(Array(names.prefix(number + 1)).last ?? ""))
  }

  /// The name of a user of that partition.
  static func user(of partition: KeyspaceIndex) throws -> UserName {
    try #require(UserName((0...).lazy.map { "user\($0)" }.first { map.index(ofName: $0) == partition } ?? ""))
  }

  /// A key or a channel of pub/sub, in its parts: `apus:{17.3}:presence:room` is of partition 17, a `presence` of `room`.
  struct Parts {
    let partition: KeyspaceIndex
    let kind: String
    private let rest: String

    /// Nil where it carries no tag of a partition.
    init?(_ name: String) {
      let found = (0..<PartitionTags.count).first { name.hasPrefix(PartitionTags.prefix("apus:", ofPartition: $0)) }
      guard let partition = found else { return nil }
      self.partition = partition
      let tail = name.dropFirst(PartitionTags.prefix("apus:", ofPartition: partition).count)
      let colon = tail.firstIndex(of: ":") ?? tail.endIndex
      kind = String(tail[..<colon])
      rest = String(tail[colon...].dropFirst())
    }

    /// Whether it belongs to a channel or a user of that partition, or to none.
    var isAtHome: Bool {
      switch kind {
      case "presence", "users", "history", "meta", "ch", "user": map.index(ofName: rest) == partition
      // The channel ends at the first space.
      case "key": map.index(ofName: String(rest.prefix { $0 != " " })) == partition
      case "run", "nodes", "node", "channels", "connections", "reap", "control": true
      default: false
      }
    }
  }
}

extension Cluster {
  /// The move of a partition's slot from its first owner to the next primary.
  func move(of partition: KeyspaceIndex) throws -> SlotMove {
    let slot = PartitionTags.slot(ofPartition: partition)
    let owner = try #require(primaries.indices.first { slot < KeySlot.count * ($0 + 1) / primaries.count })
    return SlotMove(slot: slot, source: primaries[owner], target: primaries[(owner + 1) % primaries.count])
  }
}
