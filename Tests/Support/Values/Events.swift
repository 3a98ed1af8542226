import Model

extension EventText {
  package init(text: String) {
    self.init(Array(text.utf8))
  }

  package var string: String { withBytes { String(decoding: $0, as: UTF8.self) } }
}

/// What an event of a test says of its channel's history.
package enum Mark: Equatable, Sendable {
  /// Nothing: it is not kept.
  case none
  /// Nothing, and it is worth nothing later: a signal.
  case fleeting
  /// It is the message of that position.
  case message(StreamPosition)
  /// Messages up to that position may be missing.
  case gap(StreamPosition)

  package init(_ event: ChannelEvent) {
    switch (event.kind, event.position) {
    case (.gap, let position?): self = .gap(position)
    case (.signal, _): self = .fleeting
    case (_, let position?): self = .message(position)
    case (_, nil): self = .none
    }
  }

  package var position: StreamPosition? {
    switch self {
    case .none, .fleeting: nil
    case .message(let position), .gap(let position): position
    }
  }
}

/// An event with that text; one for watchers has no mark.
package func event(
  _ text: String, _ mark: Mark = .none, to audience: Audience = .listeners, without client: ClientID? = nil
) -> ChannelEvent {
  let kind: ChannelEvent.Kind =
    switch (audience, mark) {
    case (.watchers, _): .presence
    case (.listeners, .fleeting): .signal
    case (.listeners, .gap): .gap
    case (.listeners, .none), (.listeners, .message): .message
    }
  return ChannelEvent(kind, EventText(text: text), at: mark.position, excluding: client)
}
