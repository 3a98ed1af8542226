@testable import Broker
import Model

/// A channel's stream in a made-up Redis: all that was ever published, numbered through over all epochs.
struct ContinuityStream {
  /// For each epoch the number of its first message.
  private var starts = [0]
  /// How many messages were published.
  private(set) var count = 0
  /// The number of the oldest that is kept.
  private var kept = 0

  private var epoch: String { "e\(starts.count - 1)" }
  private var start: Int { starts[starts.count - 1] }
  var latest: StreamPosition { StreamPosition(epoch: epoch, offset: count - start) }

  mutating func publish() -> StreamPosition {
    count += 1
    return latest
  }

  /// Redis has lost everything.
  mutating func begin() {
    starts.append(count)
    kept = count
  }

  mutating func trim(using generator: inout some RandomNumberGenerator) {
    kept = Int.random(in: max(kept, count - 20)...count, using: &generator)
  }

  /// How many messages there are up to that position; nil where there is no such position.
  func index(of position: StreamPosition) -> Int? {
    guard let number = Int(position.epoch.dropFirst()), starts.indices.contains(number), position.offset >= 0 else {
      return nil
    }
    let index = starts[number] + position.offset
    let end = number + 1 < starts.count ? starts[number + 1] : count
    return index <= end ? index : nil
  }

  /// The first messages after that position that are kept; none under another epoch.
  func read(from position: StreamPosition, limit: Int) -> HistoryRead {
    let from = start + position.offset
    guard position.epoch == epoch, from <= count else { return HistoryRead(latest: latest) }
    let first = max(kept, from)
    let entries = (first..<min(count, first + limit)).map { ContinuityTranscript.entry(epoch, $0 + 1 - start) }
    return HistoryRead(latest: latest, entries: entries, isComplete: kept <= from)
  }
}

/// Those who listen to a channel on one node, as one who checks: nothing is invented, nothing comes twice or out of
/// order, and all that was published is delivered, or told as a gap before anything newer.
struct ContinuityListeners {
  private typealias Violation = ContinuityWorld.Violation

  /// A gap may end where the listeners are: a read was refused, and nobody knows how far the stream is.
  var mayBeToldOfNothing = false
  private var isAttached = false
  /// How many messages there were when they were told that whatever comes now arrives.
  private var begin = 0
  /// Up to how many messages all were delivered or told as a gap; nil before anything is known.
  private var accounted: Int?
  private var newest: [String: Int] = [:]
  private var epoch: String?

  mutating func attached(_ count: Int) {
    if !isAttached { begin = count }
    isAttached = true
  }

  mutating func lost() {
    if isAttached && accounted == nil { accounted = begin }
  }

  /// They were told how many messages there are.
  mutating func placed(_ index: Int?) {
    if isAttached && accounted == nil { accounted = index }
  }

  mutating func deliver(_ position: StreamPosition, _ stream: ContinuityStream) throws {
    guard let index = stream.index(of: position), position.offset > 0 else {
      throw Violation(description: "\(position) was never published")
    }
    guard isAttached else { return }
    if let last = newest[position.epoch], position.offset <= last {
      throw Violation(description: "\(position) after \(last)")
    }
    if let epoch, epoch != position.epoch {
      throw Violation(description: "\(position) without a word on the new epoch")
    }
    let known = accounted ?? index - 1
    if index > known + 1 { throw Violation(description: "\(position), and \(index - 1 - known) before it are missing") }
    newest[position.epoch] = position.offset
    epoch = position.epoch
    accounted = max(known, index)
  }

  mutating func gap(_ position: StreamPosition, _ stream: ContinuityStream) throws {
    guard let index = stream.index(of: position) else {
      throw Violation(description: "a gap up to \(position), which was never published")
    }
    if position.epoch == epoch, let last = newest[position.epoch] {
      let isEmpty = position.offset <= last
      if isEmpty && !mayBeToldOfNothing {
        throw Violation(description: "a gap up to \(position), and \(last) was delivered")
      }
    }
    epoch = position.epoch
    accounted = max(accounted ?? 0, index)
  }

  func checkAll(_ stream: ContinuityStream) throws {
    if accounted != stream.count {
      throw Violation(description: "\(accounted ?? -1) of \(stream.count) messages are accounted for")
    }
  }
}
