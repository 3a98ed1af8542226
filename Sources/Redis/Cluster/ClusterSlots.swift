/// The servers of a Cluster and the slots that each owns: the answer to `CLUSTER SLOTS`.
package struct ClusterSlots: Equatable, Sendable {
  /// A primary. Replicas do not count.
  package struct Server: Hashable, Sendable {
    package let address: ServerAddress
    /// The node id, which stays when the address changes.
    package let id: String

    package init(address: ServerAddress, id: String) {
      self.address = address
      self.id = id
    }
  }

  private struct Range: Equatable {
    let slots: ClosedRange<Int>
    let server: Server
  }

  /// By their first slot, so that the order of an answer does not count.
  private let ranges: [Range]

  /// Ranges that reach beyond the slots there are, are left out.
  package init(ranges: [(slots: ClosedRange<Int>, server: Server)]) {
    self.ranges =
      ranges.filter { $0.slots.lowerBound >= 0 && $0.slots.upperBound < KeySlot.count }
      .map { Range(slots: $0.slots, server: $0.server) }
      .sorted { $0.slots.lowerBound < $1.slots.lowerBound }
  }

  /// Nil for what is not an array. What is not a range with a server that can be connected to is left out.
  ///
  /// `askedAt` is who was asked: a server that does not know its own address stands there without one.
  package init?(_ reply: RedisReplyView, askedAt: ServerAddress) {
    guard reply.kind == .array else { return nil }
    self.init(
      ranges: reply.children.compactMap { range in
        guard let first = range[0], let last = range[1], let primary = range[2],
          first.kind == .integer, last.kind == .integer, first.integer <= last.integer,
          let server = Server(primary, askedAt: askedAt)
        else { return nil }
        return (first.integer...last.integer, server)
      })
  }

  /// Whether no slot has an owner: the server has not met the others yet.
  package var isEmpty: Bool { ranges.isEmpty }

  package func owner(ofSlot slot: Int) -> Server? {
    ranges.first { $0.slots.contains(slot) }?.server
  }

  /// Each once, in order of their first slot.
  package var primaries: [Server] {
    var seen: Set<Server> = []
    return ranges.map(\.server).filter { seen.insert($0).inserted }
  }
}

extension ClusterSlots.Server {
  /// Address, port and node id; what follows them, such as further names, is ignored.
  init?(_ reply: RedisReplyView, askedAt: ServerAddress) {
    guard let host = reply[0], host.kind == .string || host.kind == .null,
      let port = reply[1], port.kind == .integer, let id = reply[2]?.string, !id.isEmpty,
      let address = ServerAddress(host: host.string, port: String(port.integer), askedAt: askedAt)
    else { return nil }
    self.init(address: address, id: id)
  }
}
