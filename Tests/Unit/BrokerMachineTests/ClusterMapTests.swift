import Redis
import Testing

@testable import Broker

/// The map of slots: what counts of several accounts of it, and who is asked when.
@Suite struct ClusterMapTests {
  private let all = 0...16_383

  private func server(_ port: Int) throws -> ServerAddress {
    try #require(ServerAddress(host: "10.0.0.1", port: "\(port)"))
  }

  private func slots(_ ranges: (ClosedRange<Int>, ServerAddress)...) -> ClusterSlots {
    ClusterSlots(ranges: ranges.map { (slots: $0.0, server: .init(address: $0.1, id: "id-\($0.1.port)")) })
  }

  private func state(epoch: Int, isOK: Bool = true) throws -> ClusterState {
    try #require(ClusterState("cluster_state:\(isOK ? "ok" : "fail")\r\ncluster_current_epoch:\(epoch)\r\n"))
  }

  /// A map of which all is known: everything is at server 1.
  private func settled(epoch: Int = 5) throws -> ClusterMap {
    var map = ClusterMap(seeds: [try server(1)])
    _ = map.tick(now: 0, isAway: true)
    _ = map.answered(by: try server(1), slots((all, try server(1))), try state(epoch: epoch), now: 0)
    return map
  }

  private func assigned(_ actions: [ClusterMap.Action]?) -> [Int: ServerAddress?] {
    var places: [Int: ServerAddress?] = [:]
    for case .assign(let partition, let address) in actions ?? [] { places[partition] = .some(address) }
    return places
  }

  @Test func theFirstMapAssignsEachPartition() throws {
    var map = ClusterMap(seeds: [try server(9)])
    #expect(map.tick(now: 0, isAway: true) == [.ask([try server(9)])])
    #expect(map.tick(now: 100, isAway: true).isEmpty, "one question at a time")
    let actions = map.answered(
      by: try server(9), slots((0...8191, try server(1)), (8192...16_383, try server(2))), try state(epoch: 1), now: 100
    )
    let places = assigned(actions)
    let (one, other) = (try server(1), try server(2))
    #expect(places.count == 64)
    #expect(places[0] == one && places[31] == one && places[32] == other)
  }

  @Test func whatIsKnownIsAssignedOnce() throws {
    var map = try settled()
    #expect(map.answered(by: try server(1), slots((all, try server(1))), try state(epoch: 5), now: 1) == [])
  }

  @Test func aSlotWithoutAnOwnerIsTold() throws {
    var map = try settled()
    let hole = PartitionTags.slot(ofPartition: 7)
    let rest = slots((0...hole - 1, try server(1)), (hole + 1...16_383, try server(1)))
    #expect(map.answered(by: try server(1), rest, try state(epoch: 5), now: 1) == [.assign(7, nil)])
    #expect(
      map.answered(by: try server(1), slots((all, try server(1))), try state(epoch: 5), now: 2)
        == [.assign(7, try server(1))])
  }

  @Test func anOlderOrEmptyMapDoesNotCount() throws {
    var map = try settled(epoch: 5)
    #expect(map.answered(by: try server(2), slots((all, try server(2))), try state(epoch: 4), now: 1) == nil)
    #expect(map.answered(by: try server(2), slots(), try state(epoch: 9), now: 1) == nil)
    #expect(map.answered(by: try server(2), slots((all, try server(2))), try state(epoch: 6), now: 1)?.count == 64)
  }

  @Test func aClusterThatWasMadeAgainIsBelievedInTheEnd() throws {
    var map = try settled(epoch: 5)
    let new = slots((all, try server(2)))
    #expect(map.answered(by: try server(2), new, try state(epoch: 1), now: 1000) == nil)
    #expect(map.answered(by: try server(1), slots((all, try server(1))), try state(epoch: 5), now: 2000) == [])
    #expect(map.answered(by: try server(2), new, try state(epoch: 1), now: 3000) == nil)
    #expect(map.answered(by: try server(2), new, try state(epoch: 1), now: 12_999) == nil)
    #expect(map.answered(by: try server(2), new, try state(epoch: 1), now: 13_000)?.count == 64)
    #expect(map.answered(by: try server(2), new, try state(epoch: 1), now: 13_001) == [])
  }

  @Test func movedCountsMoreThanAMapUntilOneAgrees() throws {
    var map = try settled()
    #expect(map.moved(3, to: try server(2), now: 1000) == [.assign(3, try server(2))])
    let old = slots((all, try server(1)))
    #expect(map.answered(by: try server(1), old, try state(epoch: 5), now: 1500) == [])
    let slot = PartitionTags.slot(ofPartition: 3)
    let new = slots((0...slot - 1, try server(1)), (slot...slot, try server(2)), (slot + 1...16_383, try server(1)))
    #expect(map.answered(by: try server(2), new, try state(epoch: 6), now: 1600) == [], "it agrees")
    #expect(
      map.answered(by: try server(1), old, try state(epoch: 6), now: 1700) == [.assign(3, try server(1))],
      "from now on maps count")
  }

  @Test func movedIsForgottenWhenNoMapAgrees() throws {
    var map = try settled()
    _ = map.moved(3, to: try server(2), now: 1000)
    let old = slots((all, try server(1)))
    #expect(map.answered(by: try server(1), old, try state(epoch: 5), now: 5999) == [])
    #expect(map.answered(by: try server(1), old, try state(epoch: 5), now: 6000) == [.assign(3, try server(1))])
  }

  @Test func twoMovesAtOnceStandSideBySide() throws {
    var map = try settled()
    _ = map.moved(3, to: try server(2), now: 0)
    _ = map.moved(4, to: try server(3), now: 0)
    #expect(map.answered(by: try server(1), slots((all, try server(1))), try state(epoch: 5), now: 1) == [])
  }

  @Test func itIsAskedForAgainSoonerWhereSomethingIsAway() throws {
    var map = try settled()
    #expect(map.tick(now: 29_999, isAway: false).isEmpty)
    #expect(map.tick(now: 30_000, isAway: false) != [])
    var other = try settled()
    #expect(other.tick(now: 100, isAway: true).isEmpty)
    #expect(other.tick(now: 1100, isAway: true) != [])
    var third = try settled()
    third.doubt(now: 0, after: 50)
    #expect(third.tick(now: 49, isAway: false).isEmpty)
    #expect(third.tick(now: 50, isAway: false) != [])
  }

  @Test func whoIsNamedByMovedIsAskedFirstAndWhoIsDownLast() throws {
    var map = ClusterMap(seeds: [try server(1), try server(2), try server(3)])
    _ = map.moved(0, to: try server(4), now: 0)
    map.isDown(try server(1), now: 0)
    guard case .ask(let candidates)? = map.tick(now: 1000, isAway: true).first else {
      Issue.record("nobody is asked")
      return
    }
    let ordered = try [4, 2, 3, 1].map(server)
    #expect(candidates == ordered)
    map.unanswered(by: try server(4), now: 1000)
    guard case .ask(let others)? = map.tick(now: 2000, isAway: true).first else {
      Issue.record("nobody is asked again")
      return
    }
    let next = try server(2)
    #expect(others.first == next, "it did not answer")
  }
}
