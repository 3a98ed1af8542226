/// Something on its way to everybody who listens to a channel, and who is left out.
package struct Publication: Sendable {
  package enum Kind: Sendable {
    case message
    /// A message as a binary frame.
    case binary
    /// Fleeting: never kept, not even where the channel keeps history.
    case signal

    /// What its listeners get.
    package var event: ChannelEvent.Kind {
      switch self {
      case .message: .message
      case .binary: .binary
      case .signal: .signal
      }
    }
  }

  /// What goes out.
  package enum Event: Sendable {
    /// As it is.
    case finished(EventText)
    /// What stands before and behind the place in the history, which nobody knows yet: of a text the object up to its
    /// `data`, of a binary message what stands before the payload, and the payload.
    case draft(head: [UInt8], tail: [UInt8])

    /// Bytes in it.
    package var count: Int {
      switch self {
      case .finished(let text): text.count
      case .draft(let head, let tail): head.count + tail.count
      }
    }
  }

  package var channel: ChannelName
  package var kind: Kind
  package var event: Event
  /// The connection that does not get it: its publisher, when it asked for no echo.
  package var excluded: ClientID?
  /// How it is kept; nil where it is not.
  package var history: HistoryRule?
  /// What makes a repetition of it known.
  package var key: IdempotencyKey?

  package init(
    channel: ChannelName, kind: Kind = .message, event: Event, excluded: ClientID? = nil, history: HistoryRule? = nil,
    key: IdempotencyKey? = nil
  ) {
    self.channel = channel
    self.kind = kind
    self.event = event
    self.excluded = excluded
    self.history = history
    self.key = key
  }
}

/// What a publisher calls a message, so that it is taken once however often it is sent: unique for one publisher and
/// channel, for five minutes.
package struct IdempotencyKey: Hashable, Sendable {
  /// Whose the key is.
  package enum Publisher: Hashable, Sendable {
    case user(UserName)
    /// A connection, while nobody has said whose it is.
    case anonymous(ClientID)
    /// The HTTP API, whatever node it was asked on.
    case server
  }

  package var publisher: Publisher
  package var key: String

  package init(publisher: Publisher, key: String) {
    self.publisher = publisher
    self.key = key
  }
}

/// What became of a message that was taken.
package struct PublishReceipt: Equatable, Sendable {
  /// Where it stands, in a channel that keeps history.
  package var position: StreamPosition?
  /// Whether it had been published before under the same key.
  package var isDuplicate: Bool

  package init(position: StreamPosition? = nil, isDuplicate: Bool = false) {
    self.position = position
    self.isDuplicate = isDuplicate
  }
}
