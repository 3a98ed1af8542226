import Cluster
import Hub
import Model
import Reactor

/// Whose connections are meant: all of a user, or the one of a client.
package enum ConnectionOwner: Equatable, Sendable {
  case user(UserName)
  case client(ClientID)
}

/// A connection of this node, and where it is subscribed.
package struct ConnectionReport: Sendable {
  package let connection: OpenConnection
  package let channels: [ChannelName]
}

/// What a loop has now, and has done until now.
package struct LoopTotals: Equatable, Sendable {
  package let connections: Int
  /// Users with a connection on the loop; one that is on several loops counts on each.
  package let users: Int
  package let subscriptions: Int
  package let published: Int
  package let delivered: Int
  package let busyMicroseconds: Int64
  /// Bytes that wait for clients to read.
  package let outboxBytes: Int
  /// Connections that have ended, by close code.
  package let disconnects: [String: Int]
  /// Handshakes refused, by HTTP status.
  package let refused: [Int: Int]

  package init(
    connections: Int = 0, users: Int = 0, subscriptions: Int = 0, published: Int = 0, delivered: Int = 0,
    busyMicroseconds: Int64 = 0, outboxBytes: Int = 0, disconnects: [String: Int] = [:], refused: [Int: Int] = [:]
  ) {
    self.connections = connections
    self.users = users
    self.subscriptions = subscriptions
    self.published = published
    self.delivered = delivered
    self.busyMicroseconds = busyMicroseconds
    self.outboxBytes = outboxBytes
    self.disconnects = disconnects
    self.refused = refused
  }
}

/// What the control plane asks of this node's own connections, and does with them.
extension Server {
  package func totals() async -> [LoopTotals] { await ask { $0.totals() } }

  /// The channels that have a listener here, each loop's apart and each of them once.
  package func census() async -> [[ChannelSize]] {
    var loops: [[ChannelSize]] = []
    for worker in workers {
      var sizes: [ChannelSize] = []
      var start: Int? = 0
      // Some in a turn: the loop's connections are not to wait for all of them.
      while let place = start, let part = await worker.ask({ $0.census(from: place) }) {
        sizes += part.sizes
        start = part.next
      }
      loops.append(Self.latest(of: sizes))
    }
    return loops
  }

  /// The last count of each channel. One that was emptied and used again in the meantime may have moved, and been counted
  /// twice or not at all.
  static func latest(of sizes: [ChannelSize]) -> [ChannelSize] {
    let counts = Dictionary(sizes.map { ($0.name, $0.subscribers) }) { $1 }
    return counts.count == sizes.count ? sizes : counts.map { ChannelSize($0, subscribers: $1) }
  }

  /// How many listen here to each of the channels.
  package func listenerCounts(in channels: [ChannelName]) async -> [Int] {
    await ask { $0.listenerCounts(in: channels) }
      .reduce([Int](repeating: 0, count: channels.count)) { zip($0, $1).map { $0 + $1 } }
  }

  package func connections(of user: UserName) async -> [ConnectionReport] {
    await ask { $0.connections(of: user) }.flatMap(\.self)
  }

  /// Closes connections with 4003; how many there were.
  package func disconnect(_ owner: ConnectionOwner, reason: String) async -> Int {
    await ask { $0.disconnect(owner, reason: reason) }.reduce(0, +)
  }

  /// Puts a user's connections into a channel; how many, and how many have no room for it.
  package func put(
    _ user: UserName, into channel: ChannelName, _ options: SubscribeOptions
  ) async -> (put: Int, skipped: Int) {
    await ask { $0.put(user, into: channel, options) }.reduce((0, 0)) { ($0.0 + $1.put, $0.1 + $1.skipped) }
  }

  /// Takes a user's connections out of a channel; how many were in it.
  package func take(_ user: UserName, outOf channel: ChannelName) async -> Int {
    await ask { $0.take(user, outOf: channel) }.reduce(0, +)
  }

  /// Asks every loop, one after the other: a loop that has ended has nothing to tell.
  private func ask<Answer: Sendable>(_ question: @escaping @Sendable (Worker) -> Answer) async -> [Answer] {
    var answers: [Answer] = []
    for worker in workers {
      if let answer = await worker.ask(question) { answers.append(answer) }
    }
    return answers
  }
}
