import Model

/// The seam between a node and the rest of the cluster; lives on the relay loop.
///
/// Loops send requests and get events. Between the events of one channel there is one order, the same on every loop
/// and, through Redis, on every node.
package protocol Broker: AnyObject {
  /// Begins; loops hear `link(.up)` when everything can be asked.
  func start()
  /// Does what a loop asks; the answers go to the outlet, now or later.
  func handle(_ request: BrokerRequest, from loop: LoopIndex)
  /// Sends an event that belongs to no channel; `event` is its text but for the time at its end.
  ///
  /// `answer` is called exactly once, now or later, with whether a live node has taken it.
  func send(_ event: [UInt8], to addressee: Addressee, then answer: @escaping (Result<Bool, Refusal>) -> Void)
  /// The node goes away soon: the cluster may know.
  func beginDraining()
  /// Calls `done` when no member of this node is left, now that its connections have gone, or when the grace of the last
  /// is over.
  func waitForGraces(then done: @escaping () -> Void)
  /// Ends every membership of this node and gives back whatever it holds in the cluster, then calls `done`.
  func stop(then done: @escaping () -> Void)
  /// How the broker stands, for `/readyz` and the metrics.
  var status: BrokerStatus { get }
}

extension Broker {
  /// Sends what a client sends to a user; success is told only where there is an id.
  func send(
    _ event: [UInt8], to user: UserName, of session: SessionID, _ id: RequestID?, telling outlet: any BrokerOutlet,
    _ loop: LoopIndex
  ) {
    send(event, to: .user(user)) { [unowned outlet] result in
      if case .success = result, id == nil { return }
      outlet.post(.sent(session, id, result), to: loop)
    }
  }
}

/// Where a broker's events go; the relay puts them into the loops' mailboxes.
package protocol BrokerOutlet: AnyObject {
  func post(_ event: BrokerEvent, to loop: LoopIndex)
  func postToAll(_ event: BrokerEvent)
  /// How many loops there are.
  var loopCount: Int { get }
  /// Whether a loop is so far behind that nothing more should be taken in for now.
  var isCongested: Bool { get }
}

/// A loop's number in its server, from 0.
package typealias LoopIndex = Int

/// Some of the server's loops.
package struct LoopSet: Equatable, Sendable, Sequence {
  /// The number of loops a set can name, and hence a server can have.
  package static let capacity = 64

  private var bits: UInt64 = 0

  package init() {}

  /// The first `count` loops.
  package init(first count: Int) {
    for loop in 0..<count { insert(loop) }
  }

  package var isEmpty: Bool { bits == 0 }

  package func contains(_ loop: LoopIndex) -> Bool { bits & 1 << UInt64(loop) != 0 }
  package mutating func insert(_ loop: LoopIndex) { bits |= 1 << UInt64(loop) }
  package mutating func remove(_ loop: LoopIndex) { bits &= ~(1 << UInt64(loop)) }

  package func makeIterator() -> AnyIterator<LoopIndex> {
    var rest = bits
    return AnyIterator {
      guard rest != 0 else { return nil }
      defer { rest &= rest - 1 }
      return rest.trailingZeroBitCount
    }
  }
}

/// What a loop hears from the broker.
package enum BrokerEvent: Sendable {
  /// An event of a channel, for those of the loop's connections that take part in it so; `since` is the microsecond
  /// (monotonic) at which the broker had it.
  case deliver(ChannelName, Frame, StreamMark, Audience, excluding: ClientID?, since: Int64)
  /// Everything published to the channel from now on arrives.
  case attached(ChannelName)
  /// What was published may be missed until the channels are told `attached` anew.
  case subscriptionsLost
  case link(LinkState)
  /// The node goes on under another id, because its lease had run out.
  case identity(NodeID)
  /// Taken, or refused with the reason.
  case published(SessionID, ChannelName, Publication.Kind, RequestID?, Result<PublishReceipt, Refusal>)
  /// What was read, for all on the loop who have asked the same.
  case history(ChannelName, [Asker], Result<HistoryRead, Refusal>)
  /// Who is in a channel, for all on the loop who have asked the same: those who enter it, too, who are in it by then.
  case roster(ChannelName, [Asker], Result<Roster, Refusal>)
  /// Whose connections the broker is to be told of from now on; at first those of users. With `everybody` those that are
  /// open already are announced, too, from the first slot on.
  case register(Registrants)
  /// The next of the open connections are to be announced, from that slot on.
  case announce(from: UInt32)
  /// An event that belongs to no channel; `since` as in `deliver`.
  case addressed(Addressee, Frame, since: Int64)
  /// Whether a live node has taken what was sent to a user, or why it was not sent.
  case sent(SessionID, RequestID?, Result<Bool, Refusal>)
}

/// How a broker stands.
package struct BrokerStatus: Sendable {
  /// What it depends on and how each stands, by the names that `/readyz` shows; nil: well, else what is wrong.
  package var dependencies: [(name: String, trouble: String?)] = []
  /// Channels with a listener on this node.
  package var channels = 0
  /// One for each Redis.
  package var shards: [Shard] = []
  /// Milliseconds since the lease was renewed; nil where there is none.
  package var leaseAge: Int64?
  package var reapedMembers = 0
  /// Gaps that were told, since what was missing could not be read any more.
  package var gaps = 0
  /// Payloads from other programs that were no messages.
  package var malformedPayloads = 0

  package struct Shard: Sendable {
    package var isUp: Bool
    package var reconnects: Int
    /// Seconds of the latest round trip.
    package var roundTrip: Double?
  }

  package init() {}

  package var isReady: Bool { dependencies.allSatisfy { $0.trouble == nil } }
}
