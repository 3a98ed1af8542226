import Model

/// What the cluster can be asked, by clients and by the control plane alike.
package enum Question: Sendable {
  case publish(Publication)
  /// Makes a connection a member, or only tells a watcher who is there.
  case enter(MemberConnection, ChannelName, PresenceMode)
  case history(ChannelName, HistoryQuery)
  /// Who is in a channel, or only how many are.
  case presence(ChannelName, onlyCount: Bool)
  /// Sends an event that belongs to no channel.
  case send(DirectEvent, to: Addressee)
  /// How many members each of these channels has.
  case counts([ChannelName])
  /// Some of a channel's connections that take part in presence, from a cursor of an earlier page on.
  case connections(ChannelName, cursor: String?, limit: Int)
  /// How many messages a channel keeps.
  case kept(ChannelName)
  /// Throws away a channel's history, and begins another epoch.
  case clear(ChannelName)
  /// Asks every live node about itself, this one among them; `Survey` says how.
  case survey([UInt8])
}

/// What a question is answered where it is not refused.
package enum Answer: Sendable {
  case published(ChannelName, Publication.Kind, PublishReceipt)
  case history(ChannelName, HistoryRead)
  /// To `enter`, too: the connection is among them by then.
  case presence(ChannelName, Roster)
  /// Whether a live node has taken what was sent.
  case sent(isOnline: Bool)
  /// In the order in which they were asked for, nil where the Redis of a channel is away; one of messages that are kept.
  case counts([Int?])
  case connections(PresencePage)
  /// Where the history stands now.
  case cleared(StreamPosition)
  case surveyed(Survey)
}

/// A connection that has asked, and by what it knows the answer.
package enum Asker: Equatable, Sendable {
  /// A command. Without a request id only a refusal is told of what it publishes or sends.
  case command(SessionID, RequestID?)
  /// A subscribe to the channel, by its number among all of the loop.
  case subscribe(SessionID, ChannelName, attempt: UInt64)

  package var session: SessionID {
    switch self {
    case .command(let session, _), .subscribe(let session, _, attempt: _): session
    }
  }
}

/// Where a question comes from, and its answer goes.
package enum Caller: Equatable, Sendable {
  case connection(Asker, on: LoopIndex)
  /// The control plane (the HTTP API, the console), by a number of its own.
  case control(UInt64)

  /// Whether a subscribe asks.
  package var isSubscribe: Bool { if case .connection(.subscribe, on: _) = self { true } else { false } }

  /// Whether it is told of what it publishes or sends when all went well.
  package var wantsReceipt: Bool { if case .connection(.command(_, nil), on: _) = self { false } else { true } }

  /// The id of its request, if it has one.
  package var request: RequestID? { if case .connection(.command(_, let id), on: _) = self { id } else { nil } }
}
