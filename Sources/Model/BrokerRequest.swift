/// What one loop asks of the broker.
package enum BrokerRequest: Sendable {
  /// The loop has its first listener of the channel; answered by `attached`.
  case attach(ChannelName)
  /// The loop has no listener of the channel any more.
  case detach(ChannelName)
  /// Answered by `published`, also without a request id, since a refusal is told in any case.
  case publish(SessionID, RequestID?, Publication)
  /// Makes the connection a member, or only reads the roster for a watcher; answered by `roster` with the same number.
  /// Without one nothing is answered, and nothing read.
  case enter(SessionID, Occupant, ChannelName, PresenceMode, entry: UInt64?)
  /// Ends a membership, at once or after the grace for lost connections; not answered.
  case leave(ClientID, ChannelName, lost: Bool)
  /// Reads a channel's history; answered by `history` with the same purpose.
  case readHistory(SessionID, ChannelName, HistoryQuery, Asker.Purpose)
  /// Reads who is in a channel; answered by `roster`.
  case queryPresence(SessionID, RequestID?, ChannelName, onlyCount: Bool)
  /// A connection is open, or it is known only now whose it is; not answered.
  case connected(OpenConnection)
  /// A connection that was told of by `connected` or `announced` is gone; not answered.
  case disconnected(ClientID, UserName?)
  /// Connections that are open, asked for by `announce`; those from the slot `next` on have not been told of yet.
  case announced([OpenConnection], next: UInt32?)
  /// Sends an event to every connection of a user; `event` is its text but for the time at its end. Answered by `sent`:
  /// without a request id only where it is refused.
  case send(SessionID, RequestID?, to: UserName, event: [UInt8])
}

/// Somebody for whom a history or a roster is read.
package struct Asker: Equatable, Sendable {
  /// What it is read for.
  package enum Purpose: Equatable, Sendable {
    /// A subscribe, of that number.
    case subscribe(UInt64)
    /// A command that asks for it.
    case command(RequestID?)
  }

  package var session: SessionID
  package var purpose: Purpose

  package init(session: SessionID, purpose: Purpose) {
    self.session = session
    self.purpose = purpose
  }
}
