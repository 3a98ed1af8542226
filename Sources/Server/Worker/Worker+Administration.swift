import Hub
import Model
import Protocol
import Reactor

/// What the control plane asks of the connections of one loop, and does with them.
extension Worker {
  private func slots(of whose: ConnectionOwner) -> [UInt32] {
    switch whose {
    case .user(let user): hub.slots(of: .user(user))
    case .client(let client): hub.slot(of: client).map { [$0] } ?? []
    }
  }

  func totals() -> LoopTotals {
    LoopTotals(
      connections: hub.sessionCount, users: hub.userCount, subscriptions: hub.subscriptionCount,
      published: statistics.published, delivered: delivery.counts.delivered, busyMicroseconds: loop.busyMicroseconds,
      outboxBytes: delivery.waitingBytes, disconnects: statistics.disconnects, refused: statistics.refused)
  }

  func census(from start: Int) -> (sizes: [ChannelSize], next: Int?) { hub.census(from: start) }

  /// How many listen to each of the channels.
  func listenerCounts(in channels: [ChannelName]) -> [Int] { channels.map { hub.listenerCount(in: $0) } }

  func connections(of user: UserName) -> [ConnectionReport] {
    slots(of: .user(user)).compactMap { slot in
      guard let open = openConnection(slot) else { return nil }
      return ConnectionReport(connection: open, channels: hub.channels(of: connections.id(slot)))
    }
  }

  /// Closes connections with 4003; how many there were.
  func disconnect(_ whose: ConnectionOwner, reason: String) -> Int {
    let slots = slots(of: whose)
    for slot in slots { close(slot, .disconnected, reason: reason) }
    return slots.count
  }

  /// Puts the connections of a user into a channel; how many, and how many have no room for it.
  func put(_ user: UserName, into channel: ChannelName, _ options: SubscribeOptions) -> (put: Int, skipped: Int) {
    let slots = slots(of: .user(user))
    let put = slots.filter { hub.put(connections.id($0), into: channel, options) }.count
    performActions()
    return (put, slots.count - put)
  }

  /// Takes the connections of a user out of a channel; how many were in it.
  func take(_ user: UserName, outOf channel: ChannelName) -> Int {
    let taken = slots(of: .user(user)).filter { hub.take(connections.id($0), outOf: channel) }.count
    performActions()
    return taken
  }
}
