@testable import Redis
import Testing

/// Decisions where Sentinels name another primary than the node uses. Transcripts: three Sentinels, 0 to 2.
@Suite struct SentinelDecisionTests {
  private let a = Poll.address(1)
  private let b = Poll.address(2)

  @Test func oneWithOldNewsChangesNothing() {
    var poll = Poll(known: b)
    #expect(poll.locate() == ["ask 0"])
    #expect(poll.answered(0, .primary(a, epoch: nil)) == ["ask 0 epoch", "ask 1 epoch", "ask 2 epoch"])
    #expect(poll.answered(0, .primary(a, epoch: 3)) == [])
    #expect(poll.answered(1, .primary(b, epoch: 4)) == [])
    #expect(poll.answered(2, .primary(b, epoch: 4)) == ["found \(b)"])
  }

  @Test func oneWithOldNewsDoesNotHoldTheNode() {
    var poll = Poll(known: a)
    #expect(poll.tick(after: 1000) == ["ask 0"])
    #expect(poll.answered(0, .primary(a, epoch: nil)) == [])
    #expect(poll.tick(after: 999) == [])
    #expect(poll.tick(after: 1) == ["ask 1"])
    #expect(poll.answered(1, .primary(b, epoch: nil)).count == 3)
    #expect(poll.answered(0, .primary(a, epoch: 3)) == [])
    #expect(poll.answered(1, .primary(b, epoch: 4)) == [])
    #expect(poll.answered(2, .primary(b, epoch: 4)) == ["moved \(b)"])
    #expect(poll.locate() == ["ask 2"])
    #expect(poll.answered(2, .primary(b, epoch: nil)) == ["found \(b)"])
  }

  @Test func atATieTheHigherEpochDecides() {
    var poll = Poll(known: a)
    _ = poll.unreachable(2, "gone")
    #expect(poll.locate() == ["ask 0"])
    #expect(poll.answered(0, .primary(b, epoch: nil)) == ["ask 0 epoch", "ask 1 epoch"])
    #expect(poll.answered(1, .primary(a, epoch: 3)) == [])
    #expect(poll.answered(0, .primary(b, epoch: 4)) == ["moved \(b)", "found \(b)"])
  }

  @Test func oldNewsAreNotBelievedWhileTheOthersAreSilent() {
    var poll = Poll(known: b, epoch: 4)
    #expect(poll.tick(after: 1000) == ["ask 0"])
    #expect(poll.answered(0, .primary(a, epoch: nil)).count == 3)
    #expect(poll.locate() == [])
    #expect(poll.answered(0, .primary(a, epoch: 3)) == [])
    let said = "doubtful: only 1 of 3 Sentinels answers, and names \(a); staying with \(b)"
    #expect(poll.tick(after: 500) == [said, "found \(b)"])
    // A failover that the silent ones have not told of.
    #expect(poll.locate() == ["ask 0"])
    #expect(poll.answered(0, .primary(a, epoch: nil)).count == 3)
    #expect(poll.answered(0, .primary(a, epoch: 5)) == [])
    #expect(poll.tick(after: 500) == ["moved \(a)", "found \(a)"])
  }

  /// Without a failover so far all epochs are 0.
  @Test(arguments: [0, 3, nil]) func aFewAreNotBelievedAtTheSameEpoch(epoch: Int?) {
    var poll = Poll(known: a, epoch: epoch)
    #expect(poll.tick(after: 1000) == ["ask 0"])
    #expect(poll.answered(0, .primary(b, epoch: nil)).count == 3)
    #expect(poll.answered(0, .primary(b, epoch: epoch)) == [])
    #expect(
      poll.tick(after: 500) == ["doubtful: only 1 of 3 Sentinels answers, and names \(b); staying with \(a)"])
    #expect(poll.locate().count == 1)
    _ = poll.answered(1, .refused("no"))
    _ = poll.answered(2, .refused("no"))
    #expect(poll.answered(0, .primary(b, epoch: nil)).count == 3)
    #expect(poll.answered(0, .primary(b, epoch: epoch)) == [])
    #expect(poll.tick(after: 500) == ["found \(a)"], "that is told once")
  }

  @Test func aFewAreNotBelievedWhereTheEpochIsNotKnown() {
    var poll = Poll(known: a, epoch: nil)
    #expect(poll.tick(after: 1000) == ["ask 0"])
    #expect(poll.answered(0, .primary(b, epoch: nil)).count == 3)
    #expect(poll.answered(0, .primary(b, epoch: 7)) == [])
    #expect(poll.tick(after: 500).map { $0.prefix(8) } == ["doubtful"])
  }

  @Test func halfOfThemAreNotMost() {
    var poll = Poll(4)
    for index in 0...3 { _ = poll.connected(index) }
    _ = poll.locate()
    for index in 0...2 { _ = poll.answered(index, .primary(a, epoch: 0)) }
    #expect(poll.tick(after: 1000) == ["ask 0"])
    #expect(poll.answered(0, .primary(b, epoch: nil)).count == 4)
    #expect(poll.answered(0, .primary(b, epoch: 0)) == [])
    #expect(poll.answered(3, .primary(b, epoch: 0)) == [])
    #expect(poll.answered(1, .refused("no")) == [])
    #expect(
      poll.answered(2, .refused("no"))
        == ["doubtful: only 2 of 4 Sentinels answer, and name \(b); staying with \(a)"])
  }

  @Test func aDoubtIsToldAgainWhenItComesAgain() {
    var poll = Poll(known: a, epoch: 0)
    for _ in 0..<2 {
      #expect(poll.tick(after: 1000) == ["ask 0"])
      #expect(poll.answered(0, .primary(b, epoch: nil)).count == 3)
      #expect(poll.answered(0, .primary(b, epoch: 0)) == [])
      #expect(poll.tick(after: 500).count == 1)
      // It thinks better of it.
      #expect(poll.locate() == ["ask 0"])
      #expect(poll.answered(0, .primary(a, epoch: nil)) == ["found \(a)"])
      for index in 1...2 {
        #expect(poll.tick(after: 1000) == ["ask \(index)"])
        #expect(poll.answered(index, .primary(a, epoch: nil)) == [])
      }
    }
  }

  @Test func theFirstTimeTheBestThereIsCounts() {
    var poll = Poll()
    for index in 0...2 { _ = poll.connected(index) }
    #expect(poll.locate().count == 3)
    #expect(poll.answered(0, .primary(b, epoch: 0)) == [])
    #expect(poll.tick(after: 500) == ["found \(b)"])
    // Most of them end that.
    #expect(poll.tick(after: 1000) == ["ask 0"])
    #expect(poll.answered(0, .primary(a, epoch: nil)).count == 3)
    #expect(poll.answered(0, .primary(a, epoch: 0)) == [])
    #expect(poll.answered(2, .primary(a, epoch: 0)) == ["moved \(a)"])
  }

  @Test func mostMayTellOfAnEarlierEpoch() {
    var poll = Poll(known: b, epoch: 4)
    #expect(poll.locate() == ["ask 0"])
    #expect(poll.answered(0, .primary(a, epoch: nil)).count == 3)
    #expect(poll.answered(0, .primary(a, epoch: 0)) == [])
    #expect(poll.answered(1, .primary(a, epoch: 0)) == ["moved \(a)", "found \(a)"], "they were set up anew")
  }

  @Test func aSilentOneDoesNotKeepTheOthersFromDeciding() {
    var poll = Poll(known: a)
    #expect(poll.tick(after: 1000) == ["ask 0"])
    #expect(poll.answered(0, .primary(b, epoch: nil)).count == 3)
    #expect(poll.answered(1, .primary(b, epoch: 2)) == [])
    #expect(poll.tick(after: 500) == ["moved \(b)"])
  }

  @Test func aDoubtAsksAllButNotWithoutEnd() {
    var poll = Poll(known: a)
    #expect(poll.tick(after: 1000) == ["ask 0"])
    #expect(poll.doubt() == ["ask 0 epoch", "ask 1 epoch", "ask 2 epoch"])
    #expect(poll.doubt() == [])
    #expect(poll.answered(0, .primary(a, epoch: 1)) == [])
    #expect(poll.answered(1, .primary(a, epoch: 1)) == [], "nothing is given up")
    #expect(poll.tick(after: 999) == [])
    #expect(poll.doubt() == [])
    _ = poll.tick(after: 1)
    #expect(poll.doubt().count == 3)
  }

  @Test func aDoubtIsLookedIntoAlsoWhereNothingIsUnderWay() {
    var poll = Poll(known: a, since: 3000)
    #expect(poll.doubt() == ["ask 0 epoch", "ask 1 epoch", "ask 2 epoch"])
    #expect(poll.answered(0, .primary(b, epoch: 2)) == [])
    #expect(poll.answered(2, .primary(b, epoch: 2)) == ["moved \(b)"])
  }

  @Test func aLateAnswerIsNoAnswerToALaterQuestionOfTheSame() {
    var poll = Poll(known: a)
    #expect(poll.tick(after: 1000) == ["ask 0"])
    let late = poll.number
    #expect(poll.doubt().count == 3)
    #expect(poll.answered(1, .primary(a, epoch: 1)) == [])
    #expect(poll.answered(0, .primary(a, epoch: nil), number: late) == [])
    #expect(poll.locate() == [], "what it says now is to come yet")
    #expect(poll.tick(after: 500) == ["found \(a)"])
  }

  @Test func aLateAnswerIsNoAnswerToTheNextQuestion() {
    var poll = Poll(known: a)
    #expect(poll.tick(after: 1000) == ["ask 0"])
    let late = poll.number
    #expect(poll.tick(after: 500) == [])
    #expect(poll.tick(after: 500) == ["ask 1"])
    #expect(poll.answered(0, .primary(b, epoch: nil), number: late) == [])
    #expect(poll.answered(1, .primary(a, epoch: nil)) == [])
  }
}
