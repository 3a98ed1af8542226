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

  /// Up to where the history is told with it, or known to be lost.
  package var position: StreamPosition? {
    switch self {
    case .message(let position), .gap(let position): position
    case .none, .fleeting: nil
    }
  }
}
