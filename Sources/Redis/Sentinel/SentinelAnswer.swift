/// The answer of a Sentinel to the question where a primary is.
package enum SentinelAnswer: Equatable, Sendable {
  /// Its address, and where it was asked for the `config-epoch`, which each failover raises.
  case primary(ServerAddress, epoch: Int?)
  /// It does not watch a primary of that name.
  case unknownName
  /// It cannot be asked, for that reason.
  case refused(String)

  /// That of a primary; nil where it names none.
  var address: ServerAddress? {
    if case .primary(let address, _) = self { address } else { nil }
  }

  static let noAddress = SentinelAnswer.refused("its answer is not an address")

  package static func addressQuestion(_ name: String) -> RedisCommand {
    RedisCommand("SENTINEL", "GET-MASTER-ADDR-BY-NAME", name)
  }

  /// From the answer to the question for an address.
  package init(_ reply: RedisReplyView, epoch: Int?) {
    if let error = reply.error {
      self = .refused(LinkPeer.sentinel.advice(on: error))
    } else if reply.kind == .null {
      self = .unknownName
    } else if let host = reply[0], let port = reply[1], reply.count == 2,
      let address = ServerAddress(host: host.string, port: port.string)
    {
      self = .primary(address, epoch: epoch)
    } else {
      self = Self.noAddress
    }
  }

  /// The address in several answers that is to be believed.
  package struct Decision: Equatable {
    package let address: ServerAddress
    /// How many name it.
    let votes: Int
    /// The highest epoch of those; nil where none tells one.
    let epoch: Int?
  }

  /// The address that most name; of several with equally many that of the highest epoch. `preferred` breaks what is a
  /// tie after that. Nil where nobody names any.
  package static func decide(_ answers: [SentinelAnswer], preferring preferred: ServerAddress? = nil) -> Decision? {
    var decisions: [Decision] = []
    for case .primary(let address, let epoch) in answers {
      let index = decisions.firstIndex { $0.address == address }
      let others = index.map { decisions.remove(at: $0) }
      let highest = [others?.epoch, epoch].compactMap(\.self).max()
      decisions.insert(
        Decision(address: address, votes: (others?.votes ?? 0) + 1, epoch: highest), at: index ?? decisions.endIndex)
    }
    let rank = { (decision: Decision) in (decision.votes, decision.epoch ?? -1) }
    guard let top = decisions.map(rank).max(by: <) else { return nil }
    let winners = decisions.filter { rank($0) == top }
    return winners.first { $0.address == preferred } ?? winners.first
  }
}
