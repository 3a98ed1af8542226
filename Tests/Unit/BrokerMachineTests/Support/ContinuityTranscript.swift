@testable import Broker
import Model
import TestSupport

/// A `Continuity` whose messages are named by epoch and offset, and whose actions are told in words:
/// `deliver a:1 a:2`, `read from a:2 as 1`, `gap up to a:5`, and `now` for a message that goes out as it is.
///
/// The channel is left out where it is `room`. A message whose position, text and excluded connection do not belong
/// together shows as such.
struct ContinuityTranscript {
  /// What history says.
  enum Answer {
    /// It holds all that was asked for: these, of which the last is the newest message.
    case holds(String, ClosedRange<Int>)
    /// Nothing was added since.
    case holdsNothing(String, Int)
    /// It does not hold all that was asked for, but the newest message, which is this.
    case lacks(String, Int)
    /// These are what one read brings; the newest message is that one.
    case holdsMore(String, ClosedRange<Int>, latest: Int)
    /// Redis has refused the command.
    case refusal
  }

  private struct Refused: Error {}

  private var continuity = Continuity()

  mutating func attached(_ name: String = "room") -> [String] {
    Self.words(continuity.attached(channel(name)).map { [$0] } ?? [])
  }

  mutating func lost() {
    continuity.lost()
  }

  mutating func forget(_ name: String = "room") {
    continuity.forget(channel(name))
  }

  mutating func forget(allBut name: String) {
    continuity.forget(allBut: { $0 == channel(name) })
  }

  func hasReached(_ epoch: String, _ offset: Int, _ name: String = "room") -> Bool {
    continuity.hasReached(StreamPosition(epoch: epoch, offset: offset), in: channel(name))
  }

  func hasOvertaken(_ epoch: String, _ offset: Int, askedIn before: String?) -> Bool {
    continuity.hasOvertaken(
      StreamPosition(epoch: epoch, offset: offset), askedAt: before.map { StreamPosition(epoch: $0, offset: 0) },
      in: channel("room"))
  }

  mutating func received(_ epoch: String, _ offset: Int, _ name: String = "room", padding: Int = 0) -> [String] {
    Self.words(continuity.received(channel(name), Self.item(epoch, offset, padding: padding)))
  }

  /// A message that is not fit for clients.
  mutating func receivedUnfit(_ epoch: String, _ offset: Int) -> [String] {
    let item = Continuity.Item(position: StreamPosition(epoch: epoch, offset: offset), event: nil)
    return Self.words(continuity.received(channel("room"), item))
  }

  /// `before`: the offset at which the channel was when it was asked.
  mutating func position(
    _ epoch: String, _ offset: Int, _ name: String = "room", askedAt before: Int? = nil
  ) -> [String] {
    let action = continuity.stood(
      channel(name), at: StreamPosition(epoch: epoch, offset: offset),
      askedAt: before.map { StreamPosition(epoch: epoch, offset: $0) })
    return Self.words(action.map { [$0] } ?? [])
  }

  mutating func read(_ serial: UInt64, _ answer: Answer, _ name: String = "room") -> [String] {
    let result: Result<HistoryRead, any Error> =
      switch answer {
      case .holds(let epoch, let offsets):
        .success(Self.read(epoch, offsets.upperBound, entries: offsets.map { Self.entry(epoch, $0) }))
      case .holdsNothing(let epoch, let latest): .success(Self.read(epoch, latest))
      case .lacks(let epoch, let latest):
        .success(
          HistoryRead(latest: StreamPosition(epoch: epoch, offset: latest), entries: [Self.entry(epoch, latest)]))
      case .holdsMore(let epoch, let offsets, let latest):
        .success(Self.read(epoch, latest, entries: offsets.map { Self.entry(epoch, $0) }))
      case .refusal: .failure(Refused())
      }
    return read(serial, result, name)
  }

  mutating func read(
    _ serial: UInt64, _ result: Result<HistoryRead, any Error>, _ name: String = "room"
  ) -> [String] {
    Self.words(continuity.read(channel(name), serial: serial, result))
  }

  // MARK: Messages

  /// Every third message is kept from one connection.
  private static func excluded(_ offset: Int) -> ClientID? {
    offset.isMultiple(of: 3) ? ClientID("c-\(offset)") : nil
  }

  /// The message's name and `padding` spaces.
  private static func text(_ epoch: String, _ offset: Int, padding: Int = 0) -> EventText {
    EventText(text: "\(epoch):\(offset)" + String(repeating: " ", count: padding))
  }

  /// A message as it comes by pub/sub.
  static func item(_ epoch: String, _ offset: Int, padding: Int = 0) -> Continuity.Item {
    let position = StreamPosition(epoch: epoch, offset: offset)
    let text = text(epoch, offset, padding: padding)
    return Continuity.Item(
      position: position, event: ChannelEvent(.message, text, at: position, excluding: excluded(offset)))
  }

  /// The same message as history holds it.
  static func entry(_ epoch: String, _ offset: Int) -> HistoryEntry {
    HistoryEntry(
      offset: offset, time: 0, text: text(epoch, offset), isBinary: false, excluded: excluded(offset))
  }

  /// A read that holds all that was asked for.
  static func read(_ epoch: String, _ latest: Int, entries: [HistoryEntry] = []) -> HistoryRead {
    HistoryRead(latest: StreamPosition(epoch: epoch, offset: latest), entries: entries, isComplete: true)
  }

  /// Whether position, text and excluded connection belong to one message.
  static func isWhole(_ event: ChannelEvent) -> Bool {
    guard let position = event.position else { return false }
    return event.text.string.prefix { $0 != " " } == word(position) && event.excluded == excluded(position.offset)
  }

  // MARK: Words

  private static func words(_ decision: Continuity.Decision) -> [String] {
    switch decision {
    case .deliver: ["now"]
    case .withhold: []
    case .act(let actions): words(actions)
    }
  }

  private static func words(_ actions: [Continuity.Action]) -> [String] {
    actions.map { action in
      switch action {
      case .deliver(let channel, let events):
        of(channel) + "deliver "
          + events.map { (isWhole($0) ? "" : "a wrong ") + ($0.position.map(word) ?? "nothing") }
          .joined(separator: " ")
      case .read(let channel, let from, let serial): of(channel) + "read from \(word(from)) as \(serial)"
      case .gap(let channel, let position): of(channel) + "gap up to \(word(position))"
      }
    }
  }

  private static func of(_ channel: ChannelName) -> String {
    channel.string == "room" ? "" : "\(channel): "
  }

  private static func word(_ position: StreamPosition) -> String {
    "\(position.epoch):\(position.offset)"
  }
}
