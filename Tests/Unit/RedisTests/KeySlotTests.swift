@testable import Redis
import Testing

/// Slots as the specification of Redis Cluster has them.
@Suite struct KeySlotTests {
  @Test func theChecksumIsThatOfTheSpecification() {
    #expect(KeySlot.crc16("123456789".utf8) == 0x31C3)
    #expect(KeySlot.crc16("".utf8) == 0)
    #expect(KeySlot.of("123456789") == 0x31C3)
  }

  /// As `CLUSTER KEYSLOT` answers.
  @Test(arguments: [
    ("", 0), ("foo", 12182), ("somekey", 11058), ("foo{hash_tag}", 2515), ("hash_tag", 2515), ("bar{hash_tag}", 2515),
  ])
  func aKeyHasASlot(key: String, slot: Int) {
    #expect(KeySlot.of(key) == slot)
  }

  @Test(arguments: [
    ("{user1000}.following", "user1000"), ("foo{{bar}}zap", "{bar"), ("foo{bar}{zap}", "bar"), ("}{b}", "b"),
    ("{é}x", "é"),
  ])
  func onlyTheTagCounts(key: String, tag: String) {
    #expect(KeySlot.of(key) == Int(KeySlot.crc16(tag.utf8)) % KeySlot.count)
  }

  @Test(arguments: ["foo{}{bar}", "{}", "a{b", "a}b{", "}"])
  func withoutATagAllOfItCounts(key: String) {
    #expect(KeySlot.of(key) == Int(KeySlot.crc16(key.utf8)) % KeySlot.count)
  }
}

/// The tags of partitions.
@Suite struct PartitionTagsTests {
  @Test func theTagsArePublished() {
    let first = ["0.178", "1.2", "2.303", "3.63", "4.40", "5.69", "6.11", "7.38", "8.53", "9.8"]
    #expect(PartitionTags.all.count == 64 && PartitionTags.count == 64)
    #expect(Array(PartitionTags.all.prefix(10)) == first)
    let numbers = PartitionTags.all.compactMap { $0.split(separator: ".").last.flatMap { Int($0) } }
    #expect(numbers.count == 64 && numbers.max() == 343)
  }

  @Test(arguments: 0..<64)
  func aTagIsTheFirstInItsPartition(partition: Int) throws {
    let tag = PartitionTags.all[partition]
    #expect(PartitionTags.prefix("apus:", ofPartition: partition) == "apus:{\(tag)}:")
    let slot = KeySlot.of("apus:{\(tag)}:presence:x")
    #expect(slot == PartitionTags.slot(ofPartition: partition))
    #expect((256 * partition...256 * partition + 255).contains(slot))
    #expect(PartitionTags.partition(ofSlot: slot) == partition)
    let k = try #require(tag.split(separator: ".").last.flatMap { Int($0) })
    #expect((0..<k).allSatisfy { PartitionTags.partition(ofSlot: KeySlot.of("\(partition).\($0)")) != partition })
  }

  @Test func allSlotsHaveAPartition() {
    #expect(PartitionTags.partition(ofSlot: 0) == 0)
    #expect(PartitionTags.partition(ofSlot: 255) == 0)
    #expect(PartitionTags.partition(ofSlot: 256) == 1)
    #expect(PartitionTags.partition(ofSlot: 16_383) == 63)
  }
}
