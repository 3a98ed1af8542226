@testable import Broker
import Model
import Testing

/// Subscriptions are lost, made anew and given up.
@Suite struct ContinuityLinkTests {
  /// A room that was followed up to `a:10` when the link was lost.
  private func lost() -> ContinuityTranscript {
    var room = ContinuityTranscript()
    _ = room.attached()
    _ = room.position("a", 10)
    room.lost()
    return room
  }

  /// One that is attached again and waits for the read of serial 1.
  private func back() -> ContinuityTranscript {
    var room = lost()
    _ = room.attached()
    return room
  }

  // MARK: Back

  @Test func aQuietChannelRecoversToo() {
    var room = lost()
    #expect(room.attached() == ["read from a:10 as 1"])
    #expect(room.read(1, .holds("a", 11...12)) == ["deliver a:11 a:12"])
    #expect(room.received("a", 12) == [], "published after the subscription and before the read")
    #expect(room.received("a", 13) == ["now"])
  }

  @Test func whereNothingWasMissedNothingIsTold() {
    var room = back()
    #expect(room.read(1, .holdsNothing("a", 10)) == [])
    #expect(room.received("a", 11) == ["now"])
  }

  @Test func whatComesMeanwhileIsHeld() {
    var room = back()
    #expect(room.received("a", 14) == [])
    #expect(room.received("a", 15) == [])
    #expect(room.read(1, .holds("a", 11...14)) == ["deliver a:11 a:12 a:13 a:14 a:15"])
  }

  @Test func whatIsHeldInOrderNeedsNoHistory() {
    for answer: ContinuityTranscript.Answer in [.refusal, .lacks("a", 12)] {
      var room = back()
      #expect(room.received("a", 11) == [])
      #expect(room.received("a", 12) == [])
      #expect(room.read(1, answer) == ["deliver a:11 a:12"], "nothing was missed")
      #expect(room.received("a", 13) == ["now"])
    }
  }

  @Test func aJumpAfterTheReadWasMadeIsReadAnew() {
    var room = back()
    #expect(room.received("a", 12) == [])
    #expect(room.read(1, .holdsNothing("a", 10)) == ["read from a:10 as 2"])
    #expect(room.read(2, .holds("a", 11...12)) == ["deliver a:11 a:12"])
  }

  @Test func whatHistoryDoesNotHoldAnyMoreIsAGapUpToTheTop() {
    var room = back()
    #expect(room.read(1, .lacks("a", 400)) == ["gap up to a:399", "deliver a:400"])
    #expect(room.received("a", 400) == [])
    #expect(room.received("a", 401) == ["now"])
  }

  @Test func moreThanOneReadBringsIsReadInTurn() {
    var room = back()
    #expect(room.read(1, .holdsMore("a", 11...12, latest: 400)) == ["deliver a:11 a:12", "read from a:12 as 2"])
    #expect(room.received("a", 401) == [], "held")
    #expect(room.read(2, .holdsMore("a", 20...21, latest: 400)).first == "gap up to a:19", "trimmed meanwhile")
    let rest = (22...401).map { "a:\($0)" }.joined(separator: " ")
    #expect(room.read(3, .holds("a", 22...401)) == ["deliver \(rest)"])
    #expect(room.received("a", 402) == ["now"])
  }

  @Test func whatIsHeldGoesOutBeforeAnotherRun() {
    var room = back()
    #expect(room.received("a", 11) == [])
    #expect(room.received("a", 13) == [])
    #expect(
      room.read(1, .lacks("b", 2)) == ["deliver a:11", "gap up to a:12", "deliver a:13", "gap up to b:2"])
    #expect(room.received("b", 3) == ["now"])
  }

  @Test func anotherRunOfRedisIsAGap() {
    var room = back()
    #expect(room.read(1, .lacks("b", 0)) == ["gap up to b:0"])
    #expect(room.received("b", 1) == ["now"], "the listeners know the epoch already")
    var late = back()
    #expect(late.read(1, .lacks("b", 3)) == ["gap up to b:3"])
    #expect(late.received("b", 3) == [])
    #expect(late.received("b", 4) == ["now"])
  }

  @Test func aRefusalIsAGapOfUnknownLength() {
    var room = back()
    #expect(room.read(1, .refusal) == ["gap up to a:10"])
    #expect(room.received("a", 13) == ["read from a:10 as 2"], "what can be read in the end comes")
    #expect(room.read(2, .holds("a", 11...13)) == ["deliver a:11 a:12 a:13"])
  }

  @Test func whoeverComesAfterARefusalHasTheRestRead() {
    var room = back()
    #expect(room.read(1, .refusal) == ["gap up to a:10"])
    #expect(room.position("a", 10) == [], "nothing was missed")
    #expect(room.position("a", 12) == ["read from a:10 as 2"], "no message may ever come")
    #expect(room.position("a", 12) == [], "it is under way")
    #expect(room.read(2, .holds("a", 11...12)) == ["deliver a:11 a:12"])
    #expect(room.hasReached("a", 12))
    #expect(room.position("a", 13) == [], "on its way")
    #expect(room.received("a", 13) == ["now"])
  }

  @Test func whoeverComesAfterARefusalLearnsOfAnotherEpoch() {
    var room = back()
    #expect(room.read(1, .refusal) == ["gap up to a:10"])
    #expect(room.position("b", 4) == ["read from a:10 as 2"])
    #expect(room.read(2, .lacks("b", 4)) == ["gap up to b:4"])
    #expect(room.hasReached("b", 4))
  }

  @Test func aStreamThatHasLostMessagesSetsThePositionBack() {
    var room = back()
    #expect(room.read(1, .lacks("a", 4)) == ["gap up to a:4", "read from a:4 as 2"])
    #expect(room.received("a", 5) == [])
    #expect(room.read(2, .holds("a", 5...5)) == ["deliver a:5"])
    #expect(room.received("a", 6) == ["now"])
  }

  // MARK: Before it is reported

  @Test func whatComesBeforeTheSubscriptionIsReportedIsHeld() {
    var room = lost()
    #expect(room.received("a", 13) == [])
    #expect(room.received("a", 14) == [])
    #expect(room.attached() == ["read from a:10 as 1"])
    #expect(room.read(1, .holds("a", 11...14)) == ["deliver a:11 a:12 a:13 a:14"])
  }

  @Test func whatIsHeldBeforeIsBoundedToo() {
    var room = lost()
    for offset in 12...1013 { #expect(room.received("a", offset) == []) }
    #expect(room.attached() == ["read from a:10 as 1"])
    let all = (11...1013).map { "a:\($0)" }.joined(separator: " ")
    #expect(room.read(1, .holds("a", 11...1013)) == ["deliver \(all)"])
    #expect(room.received("a", 1014) == ["now"])
  }

  @Test func anotherEpochBeforeItIsReported() {
    var room = lost()
    #expect(room.received("a", 11) == [])
    #expect(room.received("a", 13) == [])
    #expect(room.received("b", 2) == ["deliver a:11", "gap up to b:1", "deliver b:2"])
    #expect(room.received("b", 3) == [])
    #expect(room.attached() == ["read from b:2 as 1"])
    #expect(room.read(1, .holds("b", 3...4)) == ["deliver b:3 b:4"])
  }

  // MARK: Lost again

  @Test func aReadOfTheLifeBeforeCountsNoMore() {
    var room = back()
    #expect(room.received("a", 14) == [])
    room.lost()
    #expect(room.read(1, .refusal) == [], "Redis is away: no gap yet")
    #expect(room.attached() == ["read from a:10 as 2"])
    #expect(room.read(1, .lacks("a", 20)) == [])
    #expect(room.read(2, .holds("a", 11...20)).count == 1)
    #expect(room.received("a", 21) == ["now"])
  }

  @Test func aReadForAJumpIsMadeAnewToo() {
    var room = ContinuityTranscript()
    _ = room.attached()
    _ = room.position("a", 10)
    #expect(room.received("a", 12) == ["read from a:10 as 1"])
    room.lost()
    #expect(room.attached() == ["read from a:10 as 2"])
    #expect(
      room.read(2, .lacks("a", 15)) == ["gap up to a:14", "deliver a:15"], "12 alone would be no end")
  }

  @Test func aLinkMayBeLostAgainBeforeAnythingIsConfirmed() {
    var room = lost()
    room.lost()
    #expect(room.attached() == ["read from a:10 as 1"])
    room.lost()
    room.lost()
    #expect(room.attached() == ["read from a:10 as 2"])
    #expect(room.read(2, .holdsNothing("a", 10)) == [])
  }

  @Test func whatIsHeldWhenTheLinkIsLostTakesNoRoom() {
    var room = lost()
    for offset in 12...1011 { #expect(room.received("a", offset) == []) }
    room.lost()
    for offset in 2012...3011 { #expect(room.received("a", offset) == []) }
    #expect(room.attached() == ["read from a:10 as 1"])
    #expect(room.read(1, .lacks("a", 3011)).first == "gap up to a:2011")
  }

  // MARK: Lost before any position was known

  @Test func whatMayHaveBeenMissedBeforeAnyPlaceIsAGap() {
    var room = ContinuityTranscript()
    _ = room.attached()
    room.lost()
    #expect(room.attached() == [], "no position to read from")
    #expect(room.received("a", 1) == ["gap up to a:0", "deliver a:1"])
    #expect(room.received("a", 2) == ["now"])
  }

  @Test func thatGapIsToldAsSoonAsThePlaceIsKnown() {
    var room = ContinuityTranscript()
    _ = room.attached()
    room.lost()
    #expect(room.position("a", 7) == ["gap up to a:7"], "the command link may be there still")
    #expect(room.position("a", 8) == [])
    #expect(room.attached() == ["read from a:7 as 1"])
    #expect(room.read(1, .holds("a", 8...8)) == ["deliver a:8"])
  }

  @Test func aFirstPlaceBeforeTheSubscriptionIsReportedAnew() {
    var room = ContinuityTranscript()
    _ = room.attached()
    room.lost()
    #expect(room.received("a", 5) == ["gap up to a:4", "deliver a:5"])
    #expect(room.received("a", 6) == [], "held, since it is known now what to read")
    #expect(room.attached() == ["read from a:5 as 1"])
    #expect(room.read(1, .holds("a", 6...6)) == ["deliver a:6"])
  }

  // MARK: Coming and going

  @Test func thePlaceStaysForWhoeverComesBackInTime() {
    var room = ContinuityTranscript()
    _ = room.attached()
    #expect(room.received("a", 10) == ["now"])
    #expect(room.attached() == [], "the subscription was never given up")
    #expect(room.received("a", 11) == ["now"])
    #expect(room.received("a", 13) == ["read from a:11 as 1"])
    #expect(room.attached() == [], "nor is the read repeated")
    #expect(room.read(1, .holds("a", 12...13)) == ["deliver a:12 a:13"])
  }

  @Test func thePlaceOfASubscriptionThatWasGivenUpIsForgotten() {
    var room = ContinuityTranscript()
    _ = room.attached()
    _ = room.position("a", 10)
    room.forget()
    #expect(room.received("a", 11) == ["now"], "on its way still, and for nobody")
    #expect(room.attached() == [])
    #expect(room.received("a", 20) == ["now"])
  }

  @Test func whatWasReadForAForgottenChannelIsIgnored() {
    var room = back()
    #expect(room.received("a", 14) == [])
    room.forget()
    #expect(room.read(1, .holds("a", 11...14)) == [])
    room.forget()
    _ = room.attached()
    _ = room.position("a", 20)
    #expect(room.received("a", 22) == ["read from a:20 as 2"])
    #expect(room.read(1, .holds("a", 11...22)) == [])
    #expect(room.read(2, .holds("a", 21...22)) == ["deliver a:21 a:22"])
  }

  @Test func aChannelThatIsForgottenWhileTheLinkIsAwayBeginsAnew() {
    var room = lost()
    room.forget()
    #expect(room.attached() == [])
    #expect(room.received("a", 30) == ["now"])
  }

  @Test func allThatNobodyWantsIsForgottenTogether() {
    var node = ContinuityTranscript()
    for name in ["one", "room", "two"] {
      _ = node.attached(name)
      _ = node.position("a", 10, name)
    }
    node.lost()
    node.forget(allBut: "room")
    #expect(node.attached("one") == [])
    #expect(node.attached("two") == [])
    #expect(node.attached() == ["read from a:10 as 1"])
  }
}
