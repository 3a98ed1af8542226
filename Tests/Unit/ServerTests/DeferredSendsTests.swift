import Model
import Protocol
@testable import Server
import TestSupport
import Testing
import WebSocket

/// What waits beside an outbox that takes as much as a test says.
private final class Bench {
  var value = DeferredSends()

  func take(_ event: ChannelEvent, of channel: ChannelName) -> DeferredSends.Decision { value.take(event, of: channel) }

  func conflate(_ event: ChannelEvent, of channel: ChannelName) -> Bool { value.conflate(event, of: channel) }

  /// What is let go, so many frames at most; gaps without their JSON.
  func release(count: Int = .max) -> [String] {
    var sent: [String] = []
    _ = value.release(
      frame: { event, _ in ApusCodec.frame(of: event) }, isHalfFree: { sent.count < count },
      hasRoom: { _ in sent.count < count },
      send: { frame in
        let text = frame.withPayload { String(decoding: $0, as: UTF8.self) }
        sent.append(text.contains("gap") ? "gap" : text)
      }, sent: { _, _ in })
    return sent
  }
}

@Suite struct DeferredSendsTests {
  private let kept = channel("kept")
  private let other = channel("other")

  private func at(_ offset: Int, _ epoch: String = "e") -> StreamPosition {
    StreamPosition(epoch: epoch, offset: offset)
  }

  private func padded(_ text: String, _ size: Int = 0) -> String {
    text + String(repeating: " ", count: max(0, size - text.utf8.count))
  }

  private func entries(_ offsets: ClosedRange<Int>, size: Int = 0) -> [HistoryEntry] {
    offsets.map {
      HistoryEntry(offset: $0, time: 0, text: EventText(text: padded("\($0)", size)), isBinary: false, excluded: nil)
    }
  }

  @Test func onlyWhatIsOfTheChannelWaitsBehindIt() {
    let waiting = Bench()
    waiting.value.append(entries(1...2), under: "e", of: kept)
    #expect(waiting.take(event("x"), of: other) == .passes)
    #expect(waiting.take(event("3", .message(at(3))), of: kept) == .waits)
    #expect(waiting.take(event("join", to: .watchers), of: kept) == .waits)
    #expect(waiting.release() == ["1", "2", "3", "join"])
    #expect(waiting.value.isEmpty)
    #expect(waiting.take(event("4", .message(at(4))), of: kept) == .passes)
  }

  @Test func answersGoFirstAndHoldNothingUp() {
    let waiting = Bench()
    waiting.value.append(entries(1...2), under: "e", of: kept)
    for text in ["a", "b", "c"] { waiting.value.append(answer: FrameEncoder.text(text)) }
    #expect(waiting.value.answerBytes == 9)
    #expect(waiting.take(event("x"), of: other) == .passes)
    #expect(waiting.release(count: 2) == ["a", "b"])
    #expect(waiting.value.answerBytes == 3)
    #expect(waiting.release() == ["c", "1", "2"])
    #expect(waiting.value.isEmpty)
  }

  @Test func whatIsHeldIsAskedFirst() {
    let waiting = Bench()
    #expect(!waiting.conflate(event("old", .none), of: other))
    waiting.value.append(entries(1...1), under: "e", of: kept)
    #expect(waiting.take(event("new", .none), of: other) == .overflows)
    #expect(waiting.conflate(event("new", .none), of: other))
    #expect(waiting.release() == ["1", "new"])
  }

  /// It is bounded at any moment, not over time: what has left makes room.
  @Test func whatWaitsBehindIsBounded() {
    let waiting = Bench()
    waiting.value.append(entries(1...1), under: "e", of: kept)
    let large = event(padded("x", RecoveryQueue.maxBehind / 2))
    for _ in 0..<2 { #expect(waiting.take(large, of: kept) == .waits) }
    #expect(waiting.take(event("y", .none), of: kept) == .overflows)
    #expect(waiting.release(count: 2).count == 2)
    #expect(waiting.take(large, of: kept) == .waits)
    #expect(waiting.take(event("y", .none), of: kept) == .overflows)
  }

  @Test func whatIsForgottenMakesRoom() {
    let waiting = Bench()
    for channel in [kept, other] { waiting.value.append(entries(1...1), under: "e", of: channel) }
    let large = event(padded("x", RecoveryQueue.maxBehind))
    #expect(waiting.take(large, of: kept) == .waits)
    #expect(waiting.take(large, of: other) == .overflows)
    waiting.value.forget(kept)
    #expect(waiting.value.recoveryBytes == 1)
    #expect(waiting.take(large, of: other) == .waits)
    #expect(waiting.take(event("y", .none), of: kept) == .passes)
  }

  /// The newest waits until all that is older of its channel has gone, in a channel that is conflated behind a replay.
  @Test func theNewestComesBehindTheReplay() {
    let waiting = Bench()
    waiting.value.append(entries(1...2), under: "e", of: kept)
    #expect(waiting.take(event(padded("x", RecoveryQueue.maxBehind)), of: kept) == .waits)
    #expect(waiting.take(event("3", .message(at(3))), of: kept) == .overflows)
    #expect(!waiting.conflate(event("3", .message(at(3))), of: kept))
    #expect(waiting.take(event("4", .message(at(4))), of: kept) == .overflows)
    #expect(waiting.conflate(event("4", .message(at(4))), of: kept))
    #expect(waiting.release(count: 0) == [])
    #expect(waiting.release().filter { !$0.hasPrefix("x") } == ["1", "2", "gap", "4"])
  }

  @Test func whatIsDroppedBehindAReplayIsTold() {
    let waiting = Bench()
    waiting.value.append(entries(1...1), under: "e", of: kept)
    waiting.value.leaveOut(upTo: at(2), of: kept)
    waiting.value.leaveOut(upTo: at(3), of: kept)
    #expect(waiting.release() == ["1", "gap"])
  }

  /// What has no place takes the place of a message that has: the client is told of it all the same.
  @Test func aMessageWithoutAPlaceHidesNone() {
    let waiting = Bench()
    #expect(!waiting.conflate(event("1", .message(at(1))), of: kept))
    #expect(waiting.conflate(event("foreign", .none), of: kept))
    #expect(waiting.conflate(event("foreign again", .none), of: kept))
    #expect(waiting.release() == ["gap", "foreign again"])
  }

  @Test func whoSubscribesAgainStandsBeforeWhatWaits() {
    let waiting = Bench()
    #expect(waiting.value.position(in: kept) == nil)
    _ = waiting.conflate(event("8", .message(at(8))), of: kept)
    #expect(waiting.value.position(in: kept) == at(7))
    _ = waiting.conflate(event("9", .message(at(9))), of: kept)
    #expect(waiting.value.position(in: kept) == at(8))
    waiting.value.append(entries(3...5), under: "e", of: kept)
    #expect(waiting.value.position(in: kept) == at(2))
    waiting.value.leaveOut(upTo: at(4), of: other)
    #expect(waiting.value.position(in: other) == at(4))
  }
}
