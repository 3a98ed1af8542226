@testable import Redis
import Testing

/// Transcripts: what happens, and what the node does then. Three Sentinels, 0 to 2.
@Suite struct SentinelPollTests {
  private let a = Poll.address(1)
  private let b = Poll.address(2)

  // MARK: Wanting to connect

  @Test func theFirstTimeAllAreAskedAndMostDecide() {
    var poll = Poll()
    #expect(poll.locate() == [], "none is connected yet")
    #expect(poll.connected(1) == ["ask 1 epoch"])
    #expect(poll.connected(0) == ["ask 0 epoch"])
    #expect(poll.answered(0, .primary(b, epoch: 1)) == [])
    #expect(poll.answered(1, .primary(a, epoch: 2)) == [])
    #expect(poll.connected(2) == ["ask 2 epoch"])
    #expect(poll.answered(2, .primary(a, epoch: 2)) == ["found \(a)"])
  }

  @Test func whoCannotChangeItIsNotWaitedFor() {
    var poll = Poll()
    for index in 0...1 { _ = poll.connected(index) }
    #expect(poll.locate() == ["ask 0 epoch", "ask 1 epoch"])
    #expect(poll.answered(0, .primary(a, epoch: 1)) == [])
    #expect(poll.answered(1, .primary(a, epoch: 1)) == ["found \(a)"])
    #expect(poll.connected(2) == [])
  }

  @Test func whoIsAwayIsNotWaitedForEither() {
    var poll = Poll()
    _ = poll.locate()
    _ = poll.connected(0)
    #expect(poll.unreachable(1, "refused") == [])
    #expect(poll.answered(0, .primary(a, epoch: 1)) == [], "2 may come yet")
    #expect(poll.tick(after: 1499) == [])
    #expect(poll.tick(after: 1) == ["found \(a)"])
  }

  @Test func theFirstTimeConnectingIsNoPartOfTheTimeToAnswer() {
    var poll = Poll()
    #expect(poll.locate() == [])
    #expect(poll.connected(0) == ["ask 0 epoch"])
    #expect(poll.answered(0, .primary(a, epoch: 1)) == [])
    #expect(poll.tick(after: 800) == [])
    #expect(poll.connected(1) == ["ask 1 epoch"])
    #expect(poll.tick(after: 499) == [])
    #expect(poll.answered(1, .primary(b, epoch: 2)) == [])
    #expect(poll.connected(2) == ["ask 2 epoch"])
    #expect(poll.tick(after: 200) == [])
    #expect(poll.tick(after: 1) == ["found \(b)"], "after 1.5 s in all")
  }

  @Test func whoIsConnectedHasAsLongAsEver() {
    var poll = Poll()
    #expect(poll.connected(0) == [])
    #expect(poll.locate() == ["ask 0 epoch"])
    #expect(poll.tick(after: 500) == [])
    #expect(poll.unreachable(1, "gone") == [])
    let said = "no Sentinel answers (s0: no answer within 500 ms; s1: gone; s2: refused)"
    #expect(poll.unreachable(2, "refused") == ["not found: \(said)"])
  }

  @Test func oneIsEnoughThatSaysWhatIsKnown() {
    var poll = Poll(known: a)
    #expect(poll.locate() == ["ask 0"])
    #expect(poll.locate() == [], "the other link waits for the same answer")
    #expect(poll.answered(0, .primary(a, epoch: nil)) == ["found \(a)"])
    #expect(poll.locate() == ["ask 1"])
    #expect(poll.answered(1, .primary(a, epoch: nil)) == ["found \(a)"])
    #expect(poll.locate() == ["ask 2"], "each in turn")
  }

  @Test func whoDoesNotAnswerIsPassedOver() {
    var poll = Poll(known: a)
    #expect(poll.locate() == ["ask 0"])
    #expect(poll.tick(after: 499) == [])
    #expect(poll.tick(after: 1) == ["ask 1"])
    #expect(poll.answered(1, .unknownName) == ["ask 2"])
    #expect(poll.answered(2, .primary(a, epoch: nil)) == ["found \(a)"])
    #expect(poll.locate() == ["ask 1"], "0 comes last now")
    #expect(poll.answered(1, .refused("no")) == ["ask 2"])
    #expect(poll.unreachable(2, "gone") == ["ask 0"])
  }

  @Test func whoIsConnectedIsNotKeptWaiting() {
    var poll = Poll(known: a)
    poll.lost(0)
    poll.lost(1)
    poll.lost(2)
    #expect(poll.locate() == [])
    #expect(poll.connected(2) == ["ask 2"])
    #expect(poll.tick(after: 500) == [], "0 is about to come back")
    #expect(poll.connected(1) == ["ask 1"])
    #expect(poll.connected(0) == [])
    #expect(poll.answered(1, .primary(a, epoch: nil)) == ["found \(a)"])
  }

  @Test func aLinkThatIsLostBeforeTheAnswerIsAskedAgain() {
    var poll = Poll(known: a)
    #expect(poll.locate() == ["ask 0"])
    poll.lost(0)
    #expect(poll.connected(0) == ["ask 0"])
    #expect(poll.answered(0, .primary(a, epoch: nil)) == ["found \(a)"])
  }

  @Test func whereNoneAnswersEachReasonIsSaid() {
    var poll = Poll()
    #expect(poll.locate() == [])
    #expect(poll.unreachable(0, "refused") == [])
    _ = poll.connected(1)
    #expect(poll.answered(1, .refused("no permission")) == [])
    let said = "not found: no Sentinel answers (s0: refused; s1: no permission; s2: no connection yet)"
    #expect(poll.tick(after: 1500) == [said])
    _ = poll.unreachable(1, "gone")
    _ = poll.unreachable(2, "gone")
    #expect(poll.locate() == ["not found: no Sentinel answers (s0: refused; s1: gone; s2: gone)"])
  }

  @Test func aNameThatNoneKnowsIsSaid() {
    var poll = Poll()
    for index in 0...2 { _ = poll.connected(index) }
    #expect(poll.locate().count == 3)
    #expect(poll.answered(0, .unknownName) == [])
    #expect(poll.unreachable(1, "gone") == [])
    let said = "not found: no Sentinel knows a primary of the name main (s1: gone)"
    #expect(poll.answered(2, .unknownName) == [said], "the one may be who knows it")
    #expect(poll.connected(1) == [])
    #expect(poll.locate().count == 3)
    for index in 0...1 { #expect(poll.answered(index, .unknownName) == []) }
    #expect(poll.answered(2, .unknownName) == ["not found: no Sentinel knows a primary of the name main"])
  }

  // MARK: While all is well

  @Test func oneIsAskedEachSecondInTurn() {
    var poll = Poll(known: a)
    _ = poll.unreachable(1, "gone")
    for index in [0, 2, 0, 2] {
      #expect(poll.tick(after: 1000) == ["ask \(index)"])
      #expect(poll.answered(index, .primary(a, epoch: nil)) == [])
    }
    #expect(poll.connected(1) == [])
    for index in 0...2 {
      #expect(poll.tick(after: 1000) == ["ask \(index)"])
      #expect(poll.answered(index, .primary(a, epoch: nil)) == [])
    }
  }

  @Test func silenceIsToldOnceAndSoIsItsEnd() {
    var poll = Poll(known: a)
    _ = poll.unreachable(1, "gone")
    _ = poll.unreachable(2, "gone")
    #expect(poll.tick(after: 1000) == ["ask 0"])
    #expect(poll.tick(after: 500) == ["unheard: no Sentinel answers (s0: no answer within 500 ms; s1: gone; s2: gone)"])
    #expect(poll.tick(after: 500) == ["ask 0"], "it may be back")
    #expect(poll.tick(after: 500) == [])
    #expect(poll.connected(1) == [])
    #expect(poll.tick(after: 500) == ["ask 1"])
    #expect(poll.answered(1, .primary(a, epoch: nil)) == ["heard"])
  }

  @Test func whoTakesConnectionsAndSaysNothingIsSilent() {
    var poll = Poll(known: a)
    for index in 0...1 {
      #expect(poll.tick(after: 1000) == ["ask \(index)"])
      #expect(poll.tick(after: 500) == [])
      poll.lost(index)
      #expect(poll.connected(index) == [], "that is no answer")
    }
    #expect(poll.tick(after: 500) == ["ask 2"])
    let reasons = (0...2).map { "s\($0): no answer within 500 ms" }.joined(separator: "; ")
    #expect(poll.tick(after: 500) == ["unheard: no Sentinel answers (\(reasons))"])
  }

  @Test func whoIsNeverDoneConnectingIsSilent() {
    var poll = Poll(known: a)
    for index in 0...2 { poll.lost(index) }
    var said: [String] = []
    for _ in 0..<60 { said += poll.tick(after: 100) }
    let reasons = (0...2).map { "s\($0): no connection yet" }.joined(separator: "; ")
    #expect(said == ["unheard: no Sentinel answers (\(reasons))"])
  }

  @Test func aNameThatIsForgottenIsToldOnce() {
    var poll = Poll(known: a)
    _ = poll.unreachable(1, "gone")
    #expect(poll.tick(after: 1000) == ["ask 0"])
    #expect(poll.answered(0, .unknownName) == [], "2 may know it")
    #expect(poll.tick(after: 1000) == ["ask 2"])
    #expect(
      poll.answered(2, .unknownName) == ["unheard: no Sentinel knows a primary of the name main any more (s1: gone)"])
    #expect(poll.tick(after: 1000) == ["ask 0"])
    #expect(poll.answered(0, .unknownName) == [])
    #expect(poll.tick(after: 1000) == ["ask 2"])
    #expect(poll.answered(2, .primary(a, epoch: nil)) == ["heard"])
  }

  @Test func theNumberOfThoseWhoAnswerIsKnown() {
    var poll = Poll()
    #expect(poll.answering == 0)
    for index in 0...2 { _ = poll.connected(index) }
    _ = poll.locate()
    #expect(poll.answering == 0, "to be connected is no answer")
    for index in 0...2 { _ = poll.answered(index, .primary(a, epoch: nil)) }
    #expect(poll.answering == 3)
    _ = poll.unreachable(1, "gone")
    _ = poll.answered(2, .refused("no"))
    #expect(poll.answering == 1)
    _ = poll.answered(2, .unknownName)
    #expect(poll.answering == 2, "it answers, whatever it says")
  }

  @Test func aQuestionUnderWayServesWhoWantsToConnect() {
    var poll = Poll(known: a)
    #expect(poll.tick(after: 1000) == ["ask 0"])
    #expect(poll.locate() == [])
    #expect(poll.tick(after: 500) == ["ask 1"], "and goes on")
    #expect(poll.answered(1, .primary(a, epoch: nil)) == ["found \(a)"])
  }

  @Test func beforeAnythingIsKnownNobodyIsAskedWithoutNeed() {
    var poll = Poll()
    for index in 0...2 { _ = poll.connected(index) }
    #expect(poll.tick(after: 5000) == [])
  }

  // MARK: Whatever happens

  /// One answer, in less time than each may take to answer one after the other.
  @Test(arguments: 0..<50) func whoWantsToConnectIsAnswered(seed: UInt64) {
    var random = Random(state: seed &* 7919 &+ 1)
    var poll = Poll()
    var since: Int64?
    for _ in 0..<3000 {
      let index = Int(random.next(3))
      var said: [String]
      switch random.next(10) {
      case 0:
        said = poll.locate()
        if since == nil { since = poll.now }
      case 1: said = poll.connected(index)
      case 2:
        poll.lost(index)
        said = []
      case 3: said = poll.unreachable(index, "gone")
      case 4, 5:
        let answers: [SentinelAnswer] = [.primary(a, epoch: 1), .primary(b, epoch: nil), .unknownName, .refused("no")]
        said = poll.answered(index, answers[Int(random.next(4))], number: poll.number &- UInt64(random.next(2)))
      case 6: said = poll.doubt()
      default: said = poll.tick(after: Int64(random.next(150)))
      }
      let answers = said.filter { $0.hasPrefix("found") || $0.hasPrefix("not found") }
      #expect(answers.count <= (since == nil ? 0 : 1))
      if !answers.isEmpty { since = nil }
      if let began = since, poll.now - began > 4000 {
        Issue.record("no answer")
        return
      }
    }
  }
}

private struct Random {
  var state: UInt64

  mutating func next(_ limit: UInt64) -> UInt64 {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return (state >> 33) % limit
  }
}
