/// An event of a channel, on its way to those who take part in it.
package struct ChannelEvent: Sendable {
  package enum Kind: Sendable {
    case message
    /// A message that is no JSON.
    case binary
    /// Never kept, and worth nothing later.
    case signal
    /// A join, a leave, or the members anew.
    case presence
    /// Messages up to the position may be missing.
    case gap
  }

  package var kind: Kind
  package var text: EventText
  /// Up to where the channel's history is told with it, or known to be lost; nil where it is not of a history.
  package var position: StreamPosition?
  /// The connection that does not get it.
  package var excluded: ClientID?

  package init(_ kind: Kind, _ text: EventText, at position: StreamPosition? = nil, excluding excluded: ClientID? = nil)
  {
    self.kind = kind
    self.text = text
    self.position = position
    self.excluded = excluded
  }

  package var audience: Audience { kind == .presence ? .watchers : .listeners }
}

/// Who an event of a channel goes to.
package enum Audience: Sendable {
  /// Everybody who subscribed.
  case listeners
  /// Those who asked to be told of presence.
  case watchers
}
