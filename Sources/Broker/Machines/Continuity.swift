import Model

/// Watches that every message of a channel with history is handed on once and in order, without any I/O.
///
/// A channel's position is the message up to which everything was handed on or told as a gap. What follows the position
/// goes out at once. Behind a jump, and after a lost subscription, messages are buffered until what is missing has been
/// read, in as many reads as it takes; what cannot be read is told as a gap before anything newer.
///
/// A channel is watched from its first `attached` until `forget`. Each `read` is answered once, except that one from
/// before `lost` or `forget` need not be: such answers are ignored.
///
/// There is one for a link: a copy would share its channels.
struct Continuity {
  /// A message that has its position in the history.
  struct Item {
    /// Its offset is 1 or more.
    var position: StreamPosition
    /// As listeners get it; nil where it is not fit to be handed on, which is told as a gap.
    var event: ChannelEvent?

    var byteCount: Int { event?.text.count ?? 0 }
  }

  /// What the shell is to do, in order.
  enum Action {
    /// Hand these on to the channel's listeners.
    case deliver(ChannelName, [ChannelEvent])
    /// Read what follows that message, as much as one read brings, and answer with `read` under the same serial.
    case read(ChannelName, from: StreamPosition, serial: UInt64)
    /// Tell the listeners that messages up to there may have been missed.
    case gap(ChannelName, StreamPosition)
  }

  /// What becomes of a message that has come. Nearly all are handed on as they are, and that needs no array.
  enum Decision {
    /// Hand it on now.
    case deliver
    /// Nothing is to be done: it is buffered, or has been handed on before.
    case withhold
    /// Do this instead; it is among what is delivered, or buffered.
    case act([Action])
  }

  /// The most that is buffered for one channel, in messages and in bytes; what is more is read as well.
  static let maxBuffered = 1000
  static let maxBufferedBytes = 1 << 20
  /// Messages that one read asks for.
  static let page = 300

  private var streams: [ChannelName: Stream] = [:]
  private var serials = Serials()

  // MARK: The subscription

  /// Redis has confirmed the channel's subscription; said again without a loss between, it changes nothing.
  mutating func attached(_ channel: ChannelName) -> Action? {
    if let action = streams[channel]?.attached(&serials) { return action }
    if streams[channel] == nil { streams[channel] = Stream(channel) }
    return nil
  }

  /// The subscriber link is gone, and every subscription with it.
  mutating func lost() {
    for channel in streams.keys { streams[channel]?.lost() }
  }

  /// The subscription was given up, or nobody wants it back after it was lost: the position is worth nothing any more.
  mutating func forget(_ channel: ChannelName) {
    streams[channel] = nil
  }

  /// The same for every channel that is not among those.
  mutating func forget(allBut isWanted: (ChannelName) -> Bool) {
    for channel in Array(streams.keys) where !isWanted(channel) { streams[channel] = nil }
  }

  // MARK: Messages

  /// A message has come by pub/sub.
  ///
  /// One of a channel that is not watched belongs to a subscription that is being given up; it sets no position.
  mutating func received(_ channel: ChannelName, _ item: Item) -> Decision {
    streams[channel]?.received(item, &serials) ?? .deliver
  }

  /// The stream stood at `latest` when it was asked, after the channel was attached.
  ///
  /// - A channel without a position takes it as its own.
  /// - An empty stream of a new epoch is told as a gap, since no message would show it.
  /// - After a refused read, a position other than the channel's starts another read.
  /// - One behind `before`, the channel's position when the stream was asked, sets the channel back, with a gap: what it
  ///   had passed is not in the stream.
  mutating func stood(_ channel: ChannelName, at latest: StreamPosition, askedAt before: StreamPosition?) -> Action? {
    streams[channel]?.stood(at: latest, askedAt: before, &serials)
  }

  /// Whether everything up to that position has been handed on, or told as a gap; also where nobody watches.
  func hasReached(_ latest: StreamPosition, in channel: ChannelName) -> Bool {
    streams[channel]?.hasReached(latest) ?? true
  }

  /// Where the channel's listeners are.
  func position(of channel: ChannelName) -> StreamPosition? { streams[channel]?.currentPosition }

  /// Whether a message of a newer epoch has overtaken an answer: one with that position, asked for when the channel was
  /// at `before`. Such a position is none to go on from.
  func hasOvertaken(_ latest: StreamPosition, askedAt before: StreamPosition?, in channel: ChannelName) -> Bool {
    guard let epoch = position(of: channel)?.epoch else { return false }
    return epoch != before?.epoch && epoch != latest.epoch
  }

  /// Whether the channel has been in that epoch and has left it.
  func hasLeft(_ epoch: String, in channel: ChannelName) -> Bool { streams[channel]?.hasLeft(epoch) ?? false }

  /// Somebody knows of messages behind the position, and none has come that would tell: what is missing is to be read.
  mutating func recheck(_ channel: ChannelName) -> Action? {
    streams[channel]?.recheck(&serials)
  }

  /// The answer to the read of that serial. A failure means that nobody will try it again: a read that the command link
  /// could only not be asked for now is asked again by the shell, for as long as the subscription lives.
  mutating func read(
    _ channel: ChannelName, serial: UInt64, _ result: Result<HistoryRead, any Error>
  ) -> [Action] {
    streams[channel]?.read(serial, result, &serials) ?? []
  }
}

extension Continuity {
  /// Numbers for reads, never the same again, so that an answer to an earlier one is known, also of a channel that was
  /// forgotten and came back.
  struct Serials {
    private var last: UInt64 = 0

    mutating func next() -> UInt64 {
      last += 1
      return last
    }
  }
}
