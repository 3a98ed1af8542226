/// A position in a channel's history: the number of a message under an epoch, which changes whenever nobody can vouch
/// that nothing is missing.
package struct StreamPosition: Hashable, Sendable {
  /// Letters and digits.
  package var epoch: String
  /// The message's number, from 1; 0 is before the first.
  package var offset: Int

  package init(epoch: String, offset: Int) {
    self.epoch = epoch
    self.offset = offset
  }

  /// The one before it.
  package var predecessor: StreamPosition { StreamPosition(epoch: epoch, offset: offset - 1) }

  /// Before the first message of the epoch that the number names: 8 characters of base 62 (47 bits).
  package static func beginning(_ number: UInt) -> StreamPosition {
    StreamPosition(epoch: Base62.digits(8, of: number), offset: 0)
  }
}

/// From where on somebody wants what was published.
package enum Since: Hashable, Sendable {
  /// After the message of that position.
  case position(StreamPosition)
  /// After that moment, in milliseconds since 1970.
  case time(Int64)
}

/// What is asked of a channel's history.
package enum HistoryQuery: Hashable, Sendable {
  /// Where it stands, nothing more.
  case position
  /// Everything since then, or nothing where not all of it is held or it is more than `HistoryRead.maxRecovered`.
  case recover(Since)
  /// The newest messages, at most so many.
  case newest(Int)
  /// The first messages since then that are held, at most so many.
  case after(Since, limit: Int)

  /// Whether it asks what came after a position that is of another epoch than the history is now.
  package func isOfAnotherEpoch(than latest: StreamPosition) -> Bool {
    switch self {
    case .after(.position(let position), limit: _): position.epoch != latest.epoch
    case .after(.time, limit: _), .position, .recover, .newest: false
    }
  }
}

/// A message that is kept.
package struct HistoryEntry: Sendable {
  package var offset: Int
  /// Milliseconds since 1970.
  package var time: Int64
  /// As listeners get it, its offset in it.
  package var text: EventText
  package var isBinary: Bool
  /// The connection that does not get it.
  package var excluded: ClientID?

  package init(offset: Int, time: Int64, text: EventText, isBinary: Bool, excluded: ClientID?) {
    self.offset = offset
    self.time = time
    self.text = text
    self.isBinary = isBinary
    self.excluded = excluded
  }

  /// The message as an event of its channel, whose history is under that epoch.
  package func event(under epoch: String) -> ChannelEvent {
    ChannelEvent(
      isBinary ? .binary : .message, text, at: StreamPosition(epoch: epoch, offset: offset), excluding: excluded)
  }
}

/// What a history holds of what was asked.
package struct HistoryRead: Sendable {
  /// The most messages that one recovery brings.
  package static let maxRecovered = 300
  /// The most bytes of messages that one answer has, unless a single message is larger.
  package static let maxBytes = 512 << 10

  /// The newest message there is.
  package var latest: StreamPosition
  /// Oldest first.
  package var entries: [HistoryEntry]
  /// Whether everything that was published since the position that was asked for is held. `entries` are all of it,
  /// unless fewer were asked for or it is more than `maxBytes`.
  package var isComplete: Bool
  /// Whether the position that was asked for is of an epoch that is over.
  package var isReset: Bool

  package init(
    latest: StreamPosition, entries: [HistoryEntry] = [], isComplete: Bool = false, isReset: Bool = false
  ) {
    self.latest = latest
    self.entries = entries
    self.isComplete = isComplete
    self.isReset = isReset
  }

  /// Bytes of its messages.
  package var byteCount: Int { entries.reduce(0) { $0 + $1.text.count } }
}
