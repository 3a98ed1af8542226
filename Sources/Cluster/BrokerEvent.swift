import Model

/// What a loop hears from the broker.
package enum BrokerEvent: Sendable {
  /// An event of a channel, for those of the loop's connections that take part in it; `since` is the microsecond
  /// (monotonic) at which the broker had it.
  case deliver(ChannelName, ChannelEvent, since: Int64)
  /// An event that belongs to no channel; `since` as in `deliver`.
  case addressed(Addressee, EventText, since: Int64)
  /// The answer to a question.
  case answer(Asker, Result<Answer, Refusal>)
  /// The answer to all on the loop who have asked the same: apart, since an array costs an allocation.
  case answers([Asker], Result<Answer, Refusal>)
  /// Everything published to the channel from now on arrives.
  case attached(ChannelName)
  /// What was published in the channels of a keyspace may be missed until they are told `attached` anew.
  case subscriptionsLost(KeyspaceIndex)
  case link(KeyspaceIndex, LinkState)
  /// The node goes on under another id, because its lease had run out.
  case nodeRenamed(NodeID)
  /// Of those that belong to a keyspace, whose connections the broker is to be told of from now on; at first those of
  /// users. With `everybody` those that are open already are reported, too, from the first slot on.
  case register(KeyspaceIndex, ReportedConnections)
  /// The next of the keyspace's open connections are to be reported, from that slot on.
  case reportConnections(KeyspaceIndex, from: UInt32)
}

/// How the node stands with a keyspace of its broker.
package enum LinkState: Sendable, Equatable {
  /// Everything can be asked and will be answered.
  case up
  /// Just lost (or not made yet) and on its way back: what needs it waits.
  case lost
  /// Gone; an attempt to come back has failed: what needs it is refused at once.
  case down
}

/// Whose connections a keyspace wants to be told of.
package enum ReportedConnections: Sendable {
  /// Those of users.
  case users
  /// All, anonymous ones too.
  case everybody
  /// None now: the cluster cannot be told. Those that are open are asked for later.
  case nobody
}
