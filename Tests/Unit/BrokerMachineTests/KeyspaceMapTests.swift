import Cluster
import Model
import TestSupport
import Testing

/// Which keyspace a name belongs to: as `docs/redis.md` publishes it.
@Suite struct KeyspaceMapTests {
  @Test(arguments: [
    ("room:1", 0xbf45_9e24_f7eb_6863 as UInt64, [0, 2, 2, 2, 2]),
    ("room:2", 0xbf45_9f24_f7eb_6a16, [1, 1, 1, 1, 46]),
    ("alice", 0x508b_2abb_65a0_3907, [0, 0, 3, 4, 4]),
    ("demo:lobby", 0x4e9e_8404_b73d_76c4, [0, 0, 0, 4, 10]),
  ])
  func isAsPublished(name: String, hash: UInt64, places: [Int]) {
    #expect(KeyspaceMap.hash(name) == hash)
    for (count, place) in zip([2, 3, 4, 8, 64], places) {
      #expect(KeyspaceMap(count: count).index(ofName: name) == place)
    }
    #expect(KeyspaceMap.one.index(ofName: name) == 0)
  }

  @Test func oneMoreTakesItsShareAndMovesNothingElse() {
    let names = (0..<10_000).map { "room:\($0)" }
    for count in 1..<16 {
      let (before, after) = (KeyspaceMap(count: count), KeyspaceMap(count: count + 1))
      let moved = names.filter { before.index(ofName: $0) != after.index(ofName: $0) }
      #expect(moved.allSatisfy { after.index(ofName: $0) == count })
      let share = Double(moved.count) * Double(count + 1) / Double(names.count)
      #expect((0.8...1.2).contains(share), "\(count + 1): \(share) of its share")
    }
  }

  @Test func aConnectionIsWithItsUser() {
    let map = KeyspaceMap(count: 64)
    let client = ClientID("c-1")
    #expect(UserName("alice").map { map.index(of: $0, client) } == 4)
    #expect(map.index(of: nil, client) == map.index(ofName: "c-1"))
    #expect(map.index(of: channel("room:2")) == 46)
  }
}
