/// What an event says of its channel's history.
package enum StreamMark: Equatable, Sendable {
  /// Nothing: it is not kept.
  case none
  /// Nothing, and it is worth nothing later: a signal.
  case fleeting
  /// It is the message of that place.
  case message(StreamPosition)
  /// Messages up to that place may be missing.
  case gap(StreamPosition)
}
