import Redis
import Testing

@testable import apus

/// What `apus check` makes of the answers of a Cluster.
@Suite struct ClusterCheckTests {
  @Test func eachPrimaryHasItsPartitions() throws {
    let slots = ClusterSlots(
      ranges: [
        (0...8191, try server("a", "1")), (8192...16_383, try server("b", "2")), (300...300, try server("c", "3")),
      ])
    #expect(
      ClusterCheck.whole(slots) == [
        .ok("the primary a:6379 has 32 of 64 partitions"), .ok("the primary c:6379 has 0 of 64 partitions"),
        .ok("the primary b:6379 has 32 of 64 partitions"), .ok("all slots have an owner"),
      ])
  }

  /// The tag of partition 2 is in slot 553, that of partition 0 in 85.
  @Test(
    arguments: [
      ([553...553], .error, "the slot 553 has no owner: the partition 2 cannot be used"),
      ([0...16_383], .error, "16384 slots have no owner, as 0: 64 of 64 partitions cannot be used, as 0"),
      ([554...555], .warning, "2 slots have no owner, as 554, and no partition is there"),
      ([0...0, 553...554], .error, "3 slots have no owner, as 0: the partition 2 cannot be used"),
    ] as [([ClosedRange<Int>], Finding.Level, String)])
  func slotsWithoutAnOwnerAreTold(_ missing: [ClosedRange<Int>], _ level: Finding.Level, _ text: String) throws {
    let owner = try server("a", "1")
    let ends = [-1...(-1)] + missing + [KeySlot.count...KeySlot.count]
    let owned = zip(ends, ends.dropFirst()).map { ($0.upperBound + 1..<$1.lowerBound) }.filter { !$0.isEmpty }
    let last = ClusterCheck.whole(ClusterSlots(ranges: owned.map { (ClosedRange($0), owner) })).last
    #expect(last == Finding(level: level, text: text))
  }

  @Test func withoutAMapNothingIsKnown() {
    #expect(ClusterCheck.whole(nil).map(\.level) == [.error])
  }

  @Test func theServerThatKnowsMostIsBelieved() throws {
    let slots = ClusterSlots(ranges: [(0...1, try server("a", "1"))])
    let reports = try [("a", nil, 9), ("b", slots, nil), ("c", slots, 4), ("d", slots, 5), ("e", slots, 5)].map {
      (host: String, slots: ClusterSlots?, epoch: Int?) in
      let state = epoch.flatMap { ClusterState("cluster_state:ok\ncluster_current_epoch:\($0)") }
      return ClusterServerCheck.Report(server: try RedisURL("redis://\(host)"), slots: slots, state: state)
    }
    #expect(ClusterCheck.latest(reports)?.server.address == "d:6379")
    #expect(ClusterCheck.latest(Array(reports.prefix(2)))?.server.address == "b:6379")
    #expect(ClusterCheck.latest(Array(reports.prefix(1))) == nil)
  }

  private func server(_ host: String, _ id: String) throws -> ClusterSlots.Server {
    ClusterSlots.Server(address: try #require(ServerAddress(host: host, port: "6379")), id: id)
  }

  @Test(
    arguments: [
      (.text("cluster_state:ok\r\ncluster_current_epoch:6\r\n"), .ok),
      (.text("cluster_state:fail\r\ncluster_current_epoch:6\r\n"), .error), (.text("x"), .warning),
      (.refused(RedisError("NOPERM no")), .warning), (.lost, .error),
    ] as [(RedisAnswer, Finding.Level)])
  func theStateCounts(_ answer: RedisAnswer, _ level: Finding.Level) {
    #expect(ClusterServerCheck.state(answer).level == level)
  }

  @Test(
    arguments: [
      (.list([.text("cluster-require-full-coverage"), .text("no")]), .ok, "is no"),
      (.list([.text("cluster-require-full-coverage"), .text("yes")]), .warning, "CONFIG SET"),
      (.list([]), .warning, "cannot be read"), (.refused(RedisError("NOPERM no")), .warning, "cannot be read"),
    ] as [(RedisAnswer, Finding.Level, String)])
  func oneSlotShouldNotStopAll(_ answer: RedisAnswer, _ level: Finding.Level, _ words: String) {
    let finding = ClusterServerCheck.coverage(answer)
    #expect(finding.level == level && finding.text.contains(words), "\(finding)")
  }

  @Test(
    arguments: [
      ("redis_version:7.0.0\r\n", .ok, "version 7.0.0"),
      ("redis_version:6.2.14\r\n", .error, "version 6.2.14: Apus needs 7.0 or newer"),
      ("redis_version:7.2.4\r\nvalkey_version:8.0.1\r\n", .ok, "version 7.2.4 (Valkey 8.0.1)"),
      ("redis_version:x\r\n", .warning, "version x: Apus needs 7.0 or newer"),
      ("", .warning, "its version cannot be read (INFO): Apus needs 7.0 or newer"),
    ] as [(String, Finding.Level, String)])
  func aClusterIsOf7OrNewer(_ info: String, _ level: Finding.Level, _ text: String) {
    #expect(ServerFindings.version(.text(info), least: (7, 0)) == Finding(level: level, text: text))
  }
}
