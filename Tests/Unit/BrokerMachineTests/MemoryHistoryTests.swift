@testable import Broker
import Model
import TestSupport
import Testing

@Suite struct MemoryHistoryTests {
  private static let rule = HistoryRule(size: 1000, timeToLive: 60_000)

  private func message(_ number: Int, excluding client: ClientID? = nil) -> Publication {
    Publication(
      channel: channel("room"), event: .draft(head: Array(#"{"data":\#(number)"#.utf8), tail: []), excluded: client)
  }

  private func empty() -> MemoryHistory {
    MemoryHistory(latest: StreamPosition(epoch: "x1", offset: 0), now: 0)
  }

  /// A history of that many messages, message n published at 10 n.
  private func history(of count: Int, size: Int = 1000) -> MemoryHistory {
    var history = empty()
    for number in 1...count {
      _ = history.append(
        message(number), keeping: HistoryRule(size: size, timeToLive: 60_000), now: Int64(number * 10))
    }
    return history
  }

  /// The offsets that a read brings, and `all` when these are all.
  private func read(_ history: MemoryHistory, _ query: HistoryQuery, now: Int64 = 1000) -> String {
    var history = history
    let read = history.read(query, now: now)
    return (read.entries.map { String($0.offset) } + (read.isComplete ? ["all"] : [])).joined(separator: " ")
  }

  private func position(_ offset: Int, epoch: String = "x1") -> Since {
    .position(StreamPosition(epoch: epoch, offset: offset))
  }

  // MARK: Keeping

  @Test func aMessageGetsTheNextOffset() {
    var history = empty()
    #expect(history.latest.offset == 0)
    let first = history.append(message(7, excluding: ClientID("c-1")), keeping: Self.rule, now: 1000)
    #expect(first.offset == 1 && first.time == 1000 && !first.isBinary && first.excluded == ClientID("c-1"))
    #expect(
      first.text.string == #"{"data":7,"offset":1,"ts":1000}"#)
    let second = history.append(message(8), keeping: Self.rule, now: 1001)
    #expect(second.offset == 2 && second.excluded == nil)
    #expect(history.latest == StreamPosition(epoch: "x1", offset: 2))
    var copy = history
    let read = copy.read(.newest(1), now: 1001)
    let isSame = read.entries.first?.text.owner === second.text.owner
    #expect(isSame)
  }

  @Test func aBinaryMessageGetsItsOffsetBeforeThePayload() {
    var history = MemoryHistory(latest: StreamPosition(epoch: "x1", offset: 0x0102_0304_0506_0707), now: 0)
    let publication = Publication(
      channel: channel("room"), kind: .binary, event: .draft(head: [2, 0, 1, 0x72], tail: [0xFF]))
    let entry = history.append(publication, keeping: Self.rule, now: 1000)
    #expect(entry.isBinary)
    #expect(entry.text.withBytes { Array($0) } == [2, 0, 1, 0x72, 1, 2, 3, 4, 5, 6, 7, 8, 0xFF])
  }

  @Test func theOldestAreTrimmedAndBytesAreCounted() {
    var history = empty()
    #expect(history.byteCount == 0)
    var bytes: [Int] = []
    for number in 1...20 {
      let entry = history.append(message(number), keeping: HistoryRule(size: 5, timeToLive: 60_000), now: 0)
      bytes.append(entry.text.count)
      #expect(history.count == min(number, 5))
      #expect(history.byteCount == bytes.suffix(5).reduce(0, +))
    }
    #expect(read(history, .newest(100)) == "16 17 18 19 20")
    _ = history.append(message(21), keeping: HistoryRule(size: 2, timeToLive: 60_000), now: 0)
    #expect(read(history, .newest(100)) == "20 21", "a rule that has changed")
  }

  @Test func whatIsHeldGoesSomeTimeAfterTheLastMessage() {
    var history = empty()
    _ = history.append(message(1), keeping: Self.rule, now: 0)
    _ = history.append(message(2), keeping: Self.rule, now: 50_000)
    history.expire(now: 110_000)
    #expect(history.count == 2)
    history.expire(now: 110_001)
    #expect(history.count == 0 && history.byteCount == 0)
    #expect(history.latest == StreamPosition(epoch: "x1", offset: 2))
    #expect(read(history, .recover(position(2))) == "all")
    #expect(read(history, .recover(position(1))) == "")
    let next = history.append(message(3), keeping: Self.rule, now: 110_002)
    #expect(next.offset == 3)
    #expect(read(history, .recover(position(2)), now: 110_002) == "3 all")
  }

  @Test func readingAndWritingExpireToo() {
    #expect(read(history(of: 3), .newest(3), now: 60_030) == "1 2 3")
    #expect(read(history(of: 3), .newest(3), now: 60_031) == "")
    var history = history(of: 3)
    _ = history.append(message(4), keeping: Self.rule, now: 60_031)
    #expect(read(history, .newest(3), now: 60_031) == "4")
  }

  @Test func itTellsThatAnEpochIsOver() {
    var history = history(of: 3)
    let earlier = StreamPosition(epoch: "x0", offset: 1)
    for (query, isReset) in [
      (HistoryQuery.after(.position(earlier), limit: 5), true), (.after(position(1), limit: 5), false),
      (.after(position(9), limit: 5), false), (.after(.time(0), limit: 5), false), (.newest(5), false),
    ] {
      #expect(history.read(query, now: 3).isReset == isReset, "\(query)")
    }
  }

  @Test func itKnowsWhenItWasTouched() {
    var history = empty()
    #expect(history.touched == 0)
    _ = history.append(message(1), keeping: Self.rule, now: 5)
    #expect(history.touched == 5)
    _ = history.read(.position, now: 9)
    #expect(history.touched == 9)
    history.expire(now: 11)
    #expect(history.touched == 9)
  }

  // MARK: Since a position

  @Test(arguments: [
    (21, ""), (20, "all"), (19, "20 all"), (15, "16 17 18 19 20 all"), (14, ""), (0, ""), (-1, ""), (.max, ""),
    (.min, ""),
  ])
  func allIsRecoveredOrNothing(_ offset: Int, _ expected: String) {
    #expect(read(history(of: 20, size: 5), .recover(position(offset))) == expected)
  }

  @Test func anotherEpochIsAnotherHistory() {
    #expect(read(history(of: 3), .recover(position(3, epoch: "x2"))) == "")
    #expect(read(history(of: 3), .after(position(1, epoch: "x2"), limit: 10)) == "")
    #expect(read(empty(), .recover(position(0))) == "all")
    #expect(read(empty(), .recover(position(0, epoch: "x2"))) == "")
  }

  @Test func threeHundredAreRecoveredAndNotOneMore() {
    let history = history(of: 400)
    #expect(read(history, .recover(position(100))).hasSuffix("399 400 all"))
    #expect(read(history, .recover(position(100))).hasPrefix("101 102 "))
    #expect(read(history, .recover(position(99))) == "")
    #expect(read(history, .after(position(99), limit: 301)).hasSuffix("399 400 all"))
  }

  @Test(arguments: [
    (14, 2, "16 17"), (14, 100, "16 17 18 19 20"), (15, 100, "16 17 18 19 20 all"), (15, 4, "16 17 18 19 all"),
    (18, 1, "19 all"), (18, 2, "19 20 all"), (20, 5, "all"), (21, 5, ""), (18, 0, ""), (18, -1, ""),
  ])
  func theFirstAfterAPlace(_ offset: Int, _ limit: Int, _ expected: String) {
    #expect(read(history(of: 20, size: 5), .after(position(offset), limit: limit)) == expected)
  }

  @Test(arguments: [(2, "19 20"), (5, "16 17 18 19 20"), (100, "16 17 18 19 20"), (0, ""), (-1, "")])
  func theNewest(_ count: Int, _ expected: String) {
    #expect(read(history(of: 20, size: 5), .newest(count)) == expected)
  }

  @Test func thePositionAlone() {
    #expect(read(history(of: 3), .position) == "")
  }

  // MARK: Since a moment

  @Test(arguments: [
    (159, ""), (160, "17 18 19 20 all"), (169, "17 18 19 20 all"), (170, "18 19 20 all"), (199, "20 all"),
    (200, "all"), (.max, "all"), (0, ""),
  ])
  func sinceAMomentOfWhichOneIsHeld(_ time: Int64, _ expected: String) {
    #expect(read(history(of: 20, size: 5), .recover(.time(time))) == expected)
  }

  @Test func beforeTheFirstMessageOfAll() {
    #expect(read(history(of: 3), .recover(.time(0))) == "1 2 3 all")
    #expect(read(history(of: 3, size: 2), .recover(.time(0))) == "")
    #expect(read(history(of: 3, size: 2), .after(.time(0), limit: 10)) == "2 3")
    #expect(read(history(of: 3, size: 2), .after(.time(0), limit: 1)) == "2")
    #expect(read(empty(), .recover(.time(1000))) == "")
    #expect(read(empty(), .after(.time(1000), limit: 5)) == "")
  }

  @Test func severalOfOneMoment() {
    var history = empty()
    for number in 1...9 { _ = history.append(message(number), keeping: Self.rule, now: Int64((number + 2) / 3)) }
    #expect(read(history, .recover(.time(1))) == "4 5 6 7 8 9 all")
    #expect(read(history, .recover(.time(2))) == "7 8 9 all")
    #expect(read(history, .recover(.time(3))) == "all")
  }

  // MARK: At random

  /// Against a list of everything that was ever published, looked through from one end to the other.
  @Test(arguments: UInt64(0)..<8)
  func whatIsCompleteIsAllThereWas(_ seed: UInt64) {
    var generator = SplitMix64(seed: seed)
    var history = empty()
    var published: [(offset: Int, time: Int64)] = []
    var held = 0
    var expiry: Int64 = 0
    var now: Int64 = 0
    for step in 0..<3000 {
      now += Int64.random(in: 0...2, using: &generator)
      if now > expiry { held = 0 }
      if Bool.random(using: &generator) {
        let rule = HistoryRule(
          size: Int.random(in: 1...40, using: &generator), timeToLive: Int64.random(in: 1...60, using: &generator))
        if Int.random(in: 0...99, using: &generator) == 0 { now += 61 }
        if now > expiry { held = 0 }
        let entry = history.append(message(step), keeping: rule, now: now)
        published.append((entry.offset, now))
        held = min(held + 1, rule.size)
        expiry = now + rule.timeToLive
      } else {
        let offset = max(0, published.count - Int.random(in: 0...45, using: &generator))
        let time = published.isEmpty ? 0 : published[max(0, offset - 1)].time
        let isByTime = Bool.random(using: &generator)
        let since = isByTime ? Since.time(time) : position(offset)
        let missed = published.filter { isByTime ? $0.time > time : $0.offset > offset }.map(\.offset)
        let oldest = published.suffix(held).first
        let isVouched =
          isByTime ? oldest.map { $0.time <= time || $0.offset == 1 } ?? false : missed.count <= held
        let recovered = history.read(.recover(since), now: now)
        #expect(recovered.isComplete == isVouched, "seed \(seed), step \(step)")
        #expect(recovered.entries.map(\.offset) == (isVouched ? missed : []), "seed \(seed), step \(step)")
        let after = history.read(.after(since, limit: 20), now: now)
        let expected = Array(missed.suffix(held).prefix(20))
        #expect(after.entries.map(\.offset) == expected, "seed \(seed), step \(step)")
        #expect(after.isComplete == (isVouched && missed.count <= held), "seed \(seed), step \(step)")
      }
    }
  }
}
