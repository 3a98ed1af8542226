import Node
import Redis
import TLS

/// The findings of `apus check` at a Cluster, and at each of its servers that is given.
struct ClusterCheck {
  let url: ClusterURL
  let configuration: NodeConfiguration
  let security: TLSContext?

  /// The Cluster first, then its servers in the order of the URL.
  func run() async -> [Check.Group] {
    let reports = await withTaskGroup(of: (Int, ClusterServerCheck.Report).self) { group in
      for (index, server) in url.servers.enumerated() {
        let check = ClusterServerCheck(server, configuration, security: security)
        group.addTask { (index, await check.run()) }
      }
      var reports: [(Int, ClusterServerCheck.Report)] = []
      for await report in group { reports.append(report) }
      return reports.sorted { $0.0 < $1.0 }.map(\.1)
    }
    let latest = Self.latest(reports)
    let servers = reports.map {
      Check.Group(
        place: $0.server.address,
        findings: Self.unusable($0, latest?.slots) + Self.otherMap($0, latest) + $0.findings)
    }
    return [Check.Group(place: url.description, findings: Self.whole(latest?.slots))] + servers
  }

  /// The server that knows most: one that is cut off has missed what the others have agreed on since.
  static func latest(_ reports: [ClusterServerCheck.Report]) -> ClusterServerCheck.Report? {
    let epoch = { (report: ClusterServerCheck.Report) in report.state?.currentEpoch ?? -1 }
    let known = reports.filter { $0.slots != nil }
    return known.first { report in known.allSatisfy { epoch($0) <= epoch(report) } }
  }

  /// The account of one server of all.
  static func whole(_ slots: ClusterSlots?) -> [Finding] {
    guard let slots else { return [.error("no server says who owns which slots")] }
    let primaries = slots.primaries.map { primary in
      let count = slots.partitions(of: primary).count
      return Finding.ok("the primary \(primary.address) has \(count) of \(PartitionTags.count) partitions")
    }
    return primaries + withoutOwner(slots)
  }

  private static func withoutOwner(_ slots: ClusterSlots) -> [Finding] {
    let missing = (0..<KeySlot.count).filter { slots.owner(ofSlot: $0) == nil }
    guard let first = missing.first else { return [.ok("all slots have an owner")] }
    let text =
      missing.count == 1 ? "the slot \(first) has no owner" : "\(missing.count) slots have no owner, as \(first)"
    let lost = (0..<PartitionTags.count).filter { missing.contains(PartitionTags.slot(ofPartition: $0)) }
    guard let partition = lost.first else { return [.warning("\(text), and no partition is there")] }
    return [
      .error(
        lost.count == 1
          ? "\(text): the partition \(partition) cannot be used"
          : "\(text): \(lost.count) of \(PartitionTags.count) partitions cannot be used, as \(partition)")
    ]
  }

  /// A server that is away does no harm unless channels are there.
  private static func unusable(_ report: ClusterServerCheck.Report, _ slots: ClusterSlots?) -> [Finding] {
    guard let failure = report.failure else { return [] }
    let owner = slots?.primaries.first { $0.address == ServerAddress(report.server.endpoint) }
    let count = owner.flatMap { slots?.partitions(of: $0).count } ?? 0
    return [count == 0 ? .warning(failure) : .error("\(failure); it has \(count) partitions")]
  }

  private static func otherMap(
    _ report: ClusterServerCheck.Report, _ latest: ClusterServerCheck.Report?
  ) -> [Finding] {
    guard let own = report.slots, let latest, own != latest.slots else { return [] }
    return [
      .warning(
        "tells other owners of slots than \(latest.server.address): slots are being moved, it is cut off, "
          + "or they are not of one Cluster")
    ]
  }
}
