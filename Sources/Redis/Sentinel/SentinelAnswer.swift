/// What a Sentinel says of a primary.
package enum SentinelAnswer: Equatable, Sendable {
  /// Its address, and where it was asked for the `config-epoch`, which each failover raises.
  case primary(PrimaryAddress, epoch: Int?)
  /// It does not watch a primary of that name.
  case unknownName
  /// It cannot be asked, for that reason.
  case refused(String)

  package static let noAddress = SentinelAnswer.refused("its answer is not an address")

  package static func addressQuestion(_ name: String) -> RedisCommand {
    RedisCommand("SENTINEL", "GET-MASTER-ADDR-BY-NAME", name)
  }

  /// The question whose answer has the epoch. An address that it has, too, is that of the old primary for a while.
  package static func epochQuestion(_ name: String) -> RedisCommand {
    RedisCommand("SENTINEL", "MASTER", name)
  }

  /// From the answer to the question for an address.
  init(_ reply: RedisReplyView, epoch: Int?) {
    if let error = reply.error {
      self = .refused(LinkPeer.sentinel.advice(on: error))
    } else if reply.kind == .null {
      self = .unknownName
    } else if let host = reply[0], let port = reply[1], reply.count == 2,
      let address = PrimaryAddress(host: host.string, port: port.string)
    {
      self = .primary(address, epoch: epoch)
    } else {
      self = Self.noAddress
    }
  }

  /// The epoch in the answer to the question for it; nil where it has none.
  static func epoch(of reply: RedisReplyView) -> Int? {
    reply.pairs.first { $0.field.string == "config-epoch" }.flatMap { Int($0.value.string) }
  }

  /// The address that most name; of several with equally many that of the highest epoch. `preferred` breaks what is a
  /// tie after that.
  package static func decide(
    _ answers: [SentinelAnswer], preferring preferred: PrimaryAddress? = nil
  ) -> PrimaryAddress? {
    var votes: [(address: PrimaryAddress, count: Int, epoch: Int)] = []
    for case .primary(let address, let epoch) in answers {
      if let index = votes.firstIndex(where: { $0.address == address }) {
        votes[index].count += 1
        votes[index].epoch = max(votes[index].epoch, epoch ?? 0)
      } else {
        votes.append((address, 1, epoch ?? 0))
      }
    }
    guard let top = votes.map({ ($0.count, $0.epoch) }).max(by: <) else { return nil }
    let winners = votes.filter { ($0.count, $0.epoch) == top }.map(\.address)
    return winners.first { $0 == preferred } ?? winners.first
  }
}
