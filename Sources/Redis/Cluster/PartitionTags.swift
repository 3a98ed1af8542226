/// The hash tags of the partitions of a Cluster. Partition `p` has 256 slots, from `256 * p` on, and everything of it
/// is in one of them: that of its tag.
package enum PartitionTags {
  package static let count = 64
  private static let slotsOfEach = KeySlot.count / count

  /// The tag of each partition, without braces: `p.k` with the smallest `k` whose slot is one of the partition.
  package static let all: [String] = (0..<count).map { partition in
    var k = 0
    while Self.partition(ofSlot: KeySlot.of("\(partition).\(k)")) != partition { k += 1 }
    return "\(partition).\(k)"
  }

  /// The beginning of all names of the partition, after `prefix`, which is that of the Cluster.
  package static func prefix(_ prefix: String, ofPartition partition: Int) -> String {
    "\(prefix){\(all[partition])}:"
  }

  private static let slots = all.map(KeySlot.of)

  /// The partition among whose slots this one is. Its keys are all in `slot(ofPartition:)`.
  package static func partition(ofSlot slot: Int) -> Int { slot / slotsOfEach }

  /// The slot of the partition's tag.
  package static func slot(ofPartition partition: Int) -> Int { slots[partition] }
}
