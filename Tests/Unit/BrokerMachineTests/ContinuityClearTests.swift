import Testing

@testable import Broker

/// The history was thrown away: it stands at the beginning of another epoch, and whoever listens is told.
@Suite struct ContinuityClearTests {
  /// A room that is followed from `a:10`.
  private func following() -> ContinuityTranscript {
    var room = ContinuityTranscript()
    _ = room.attached()
    _ = room.position("a", 10)
    return room
  }

  @Test func itIsToldAndGoesOn() {
    var room = following()
    #expect(room.position("b", 0) == ["gap up to b:0"])
    #expect(room.hasReached("b", 0) && !room.hasReached("a", 10))
    #expect(room.received("b", 1) == ["now"])
    #expect(room.received("b", 2) == ["now"])
  }

  @Test func itIsToldOnce() {
    var room = following()
    #expect(room.position("b", 0) == ["gap up to b:0"])
    #expect(room.position("b", 0) == [])
    #expect(room.received("b", 1) == ["now"])
    #expect(room.position("b", 0) == [], "it comes late")
    #expect(room.received("b", 2) == ["now"])
  }

  @Test func eachClearingIsTold() {
    var room = following()
    for epoch in ["b", "c", "d"] { #expect(room.position(epoch, 0) == ["gap up to \(epoch):0"]) }
    #expect(room.received("d", 1) == ["now"])
  }

  @Test func whatWasPublishedBeforeAndComesLateIsDropped() {
    var room = following()
    #expect(room.position("b", 0) == ["gap up to b:0"])
    #expect(room.received("a", 10) == [])
    #expect(room.received("a", 3) == [])
    #expect(room.received("b", 1) == ["now"])
  }

  @Test func aMessageMayBeFaster() {
    var room = following()
    #expect(room.received("b", 1) == ["gap up to b:0", "deliver b:1"])
    #expect(room.position("b", 0) == [])
    #expect(room.received("b", 2) == ["now"])
  }

  @Test func aJumpBehindItIsRead() {
    var room = following()
    _ = room.position("b", 0)
    #expect(room.received("b", 3) == ["read from b:0 as 1"])
    #expect(room.read(1, .holds("b", 1...3)) == ["deliver b:1 b:2 b:3"])
  }

  @Test func aChannelWithoutAPlaceTakesIt() {
    var room = ContinuityTranscript()
    _ = room.attached()
    #expect(room.position("b", 0) == [], "nobody has stood anywhere")
    #expect(room.received("b", 1) == ["now"])
  }

  @Test func aChannelThatIsNotWatchedHasNobodyToTell() {
    var room = ContinuityTranscript()
    #expect(room.position("b", 0) == [])
    #expect(room.hasReached("b", 0))
  }

  // MARK: While a read is under way

  @Test func itEndsARead() {
    var room = following()
    #expect(room.received("a", 13) == ["read from a:10 as 1"])
    #expect(room.position("b", 0) == ["gap up to b:0"])
    #expect(room.read(1, .holds("a", 11...13)) == [], "of an epoch that is over")
    #expect(room.received("b", 1) == ["now"])
  }

  @Test func theAnswerOfTheNewEpochIsNotTakenForItEither() {
    var room = following()
    _ = room.received("a", 13)
    _ = room.position("b", 0)
    #expect(room.read(1, .holds("b", 1...2)) == [], "its messages come")
    #expect(room.received("b", 1) == ["now"])
    #expect(room.received("b", 2) == ["now"])
  }

  @Test func whatWasHeldGoesWithTheHistory() {
    var room = following()
    _ = room.received("a", 13)
    _ = room.received("a", 14)
    #expect(room.position("b", 0) == ["gap up to b:0"])
    #expect(room.received("b", 2) == ["read from b:0 as 2"])
    #expect(room.read(2, .holds("b", 1...2)) == ["deliver b:1 b:2"])
  }

  @Test func aReadThatBringsItTellsItBeforeTheClearingDoes() {
    var room = following()
    _ = room.received("a", 13)
    #expect(room.read(1, .holdsNothing("b", 0)).last == "gap up to b:0")
    #expect(room.position("b", 0) == [])
    #expect(room.received("b", 1) == ["now"])
  }

  @Test func afterARefusedReadItIsToldToo() {
    var room = following()
    _ = room.received("a", 13)
    #expect(room.read(1, .refusal) == ["gap up to a:12", "deliver a:13"])
    #expect(room.position("b", 0) == ["gap up to b:0"])
    #expect(room.received("b", 1) == ["now"])
  }

  @Test func whereNobodyKnowsHowFarTheHistoryWasItIsRead() {
    var room = following()
    room.lost()
    _ = room.attached()
    #expect(room.read(1, .refusal) == ["gap up to a:10"])
    #expect(room.position("b", 0) == ["read from a:10 as 2"])
    #expect(room.received("b", 1) == ["gap up to b:0", "deliver b:1"], "it need not be waited for")
    #expect(room.read(2, .holdsNothing("b", 0)) == [])
    #expect(room.received("b", 2) == ["now"])
  }

  // MARK: While the subscription is away

  /// By a read of a subscriber: the clearing itself is not heard.
  @Test func whileTheSubscriptionIsAwayItIsTold() {
    var room = following()
    room.lost()
    #expect(room.position("b", 0) == ["gap up to b:0"])
    #expect(room.received("b", 1) == [], "held until the subscription is back")
    #expect(room.attached() == ["read from b:0 as 1"])
    #expect(room.read(1, .holds("b", 1...2)) == ["deliver b:1 b:2"])
    #expect(room.received("b", 3) == ["now"])
  }

  @Test func whatWasMissedMeanwhileIsReadUnderTheNewEpoch() {
    var room = following()
    room.lost()
    _ = room.position("b", 0)
    #expect(room.attached() == ["read from b:0 as 1"])
    #expect(room.read(1, .holdsNothing("b", 0)) == [])
    #expect(room.received("b", 1) == ["now"])
  }

  @Test func whoDidNotHearItIsToldByTheRead() {
    var room = following()
    room.lost()
    #expect(room.attached() == ["read from a:10 as 1"])
    #expect(room.read(1, .holdsNothing("b", 0)) == ["gap up to b:0"])
    #expect(room.received("b", 1) == ["now"])
  }

  @Test func whereMessagesMayHaveBeenMissedBeforeAnyPlaceItIsAGap() {
    var room = ContinuityTranscript()
    _ = room.attached()
    room.lost()
    _ = room.attached()
    #expect(room.position("b", 0) == ["gap up to b:0"])
    #expect(room.received("b", 1) == ["now"])
  }
}
