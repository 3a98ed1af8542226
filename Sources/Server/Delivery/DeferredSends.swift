import DequeModule
import Model
import Protocol
import WebSocket

/// What waits beside one connection's outbox until there is room in it: large answers; messages that were missed, with
/// what has come of their channels since; and of channels whose messages may be left out the newest message, or a gap.
///
/// A channel has one order. So an event passes by only if nothing of its channel waits; those of other channels pass.
struct DeferredSends {
  /// What becomes of an event.
  enum Decision {
    /// It goes into the outbox.
    case passes
    /// It waits here now.
    case waits
    /// There is no room for it: its channel's policy says what becomes of it.
    case overflows
  }

  /// The one thing of a channel that waits behind everything else of it, in the place of what was left out.
  private struct Newest {
    let channel: ChannelName
    /// Nil where there is only the gap.
    var event: ChannelEvent?
    /// Up to where messages were left out before it, in a channel that keeps history.
    var leftOut: StreamPosition?
  }

  private var replay: RecoveryQueue
  private var newest: [Newest] = []
  private var answers: Deque<Frame> = []
  /// What the answers hold, in bytes.
  private(set) var answerBytes = 0

  init(maxBehind: Int = RecoveryQueue.maxBehind) {
    replay = RecoveryQueue(maxBehind: maxBehind)
  }

  var isEmpty: Bool { replay.isEmpty && newest.isEmpty && answers.isEmpty }
  /// How much of what was missed, and of what came behind it, is still to be sent; in bytes.
  var recoveryBytes: Int { replay.bytes }
  /// What the newest messages hold, in bytes.
  var newestBytes: Int { newest.reduce(0) { $0 + ($1.event?.text.count ?? 0) } }

  /// An answer that belongs to no channel's order.
  mutating func append(answer: Frame) {
    answers.append(answer)
    answerBytes += answer.count
  }

  /// What was missed of a channel; whatever else comes of it comes behind it.
  mutating func append(_ entries: [HistoryEntry], under epoch: String, of channel: ChannelName) {
    replay.append(entries, under: epoch, of: channel)
  }

  /// Asks where an event of a channel goes, and keeps it if it is to wait.
  mutating func take(_ event: ChannelEvent, of channel: ChannelName) -> Decision {
    // What replaces older messages is newer than whatever is replayed. A join has no place among messages.
    if event.audience == .listeners, newest.contains(where: { $0.channel == channel }) { return .overflows }
    guard replay.contains(channel) else { return .passes }
    return replay.append(new: event, of: channel) ? .waits : .overflows
  }

  /// Messages of the channel up to that place are left out, which is to be told.
  mutating func leaveOut(upTo position: StreamPosition, of channel: ChannelName) {
    hold(Newest(channel: channel, event: nil, leftOut: position))
  }

  /// Keeps a message as the channel's newest; true when another one is left out for it.
  mutating func conflate(_ event: ChannelEvent, of channel: ChannelName) -> Bool {
    var new = Newest(channel: channel, event: event)
    let old = newest.first { $0.channel == channel }
    if let old {
      switch (event.kind, event.position) {
      case (.gap, _): break
      case (_, let position?): new.leftOut = position.predecessor
      case (_, nil): new.leftOut = old.event?.position ?? old.leftOut
      }
    }
    hold(new)
    return old?.event != nil
  }

  private mutating func hold(_ new: Newest) {
    if let index = newest.firstIndex(where: { $0.channel == new.channel }) {
      newest[index] = new
    } else {
      newest.append(new)
    }
  }

  /// Lets go as much as there is room for, answers first, oldest first in each channel; true when that was anything.
  ///
  /// Answers and what was missed leave half of the outbox free, for replies and for channels that are not behind; a
  /// newest message takes any room once half of it is free. So neither keeps the other from going on.
  /// `frame` makes what the client gets of an event of a channel, and `sent` is told of those that it gets.
  mutating func release(
    frame: (ChannelEvent, ChannelName) -> Frame, isHalfFree: () -> Bool, hasRoom: (Int) -> Bool,
    send: (Frame) -> Void, sent: (ChannelEvent, ChannelName) -> Void
  ) -> Bool {
    guard isHalfFree() else { return false }
    var hasMoved = false
    while let answer = answers.first, isHalfFree(), hasRoom(answer.count) {
      answers.removeFirst()
      answerBytes -= answer.count
      send(answer)
      hasMoved = true
    }
    while let (event, channel) = replay.next {
      let frame = frame(event, channel)
      guard isHalfFree(), hasRoom(frame.count) else { break }
      replay.removeNext()
      send(frame)
      sent(event, channel)
      hasMoved = true
    }
    while let index = newest.firstIndex(where: { !replay.contains($0.channel) }) {
      let next = newest[index]
      let gap = next.leftOut.map { ChannelEvent.gap(in: next.channel, upTo: $0) }
      let events = [gap, next.event].compactMap(\.self)
      let frames = events.map { frame($0, next.channel) }
      guard hasRoom(frames.reduce(0) { $0 + $1.count }) else { break }
      newest.remove(at: index)
      for (frame, event) in zip(frames, events) {
        send(frame)
        sent(event, next.channel)
      }
      hasMoved = true
    }
    return hasMoved
  }

  /// Where the client stands in the channel, as long as something of its history waits: right before that.
  func position(in channel: ChannelName) -> StreamPosition? {
    let waiting = newest.first { $0.channel == channel }
    let replayed = replay.firstWithPosition(of: channel)
    if replayed == nil, let leftOut = waiting?.leftOut { return leftOut }
    guard let event = replayed ?? waiting?.event, let position = event.position else { return nil }
    return event.kind == .gap ? position : position.predecessor
  }

  /// The client does not want the channel any more.
  mutating func forget(_ channel: ChannelName) {
    replay.forget(channel)
    newest.removeAll { $0.channel == channel }
  }
}
