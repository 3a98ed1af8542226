@testable import Broker
import Model
import Testing

/// Messages, jumps and reads while the subscription stands.
@Suite struct ContinuityTests {
  /// A room that is followed from `a:10`.
  private func following() -> ContinuityTranscript {
    var room = ContinuityTranscript()
    _ = room.attached()
    _ = room.position("a", 10)
    return room
  }

  /// One that has `a:13` held because 11 and 12 are missing, and waits for the read of serial 1.
  private func reading() -> ContinuityTranscript {
    var room = following()
    _ = room.received("a", 13)
    return room
  }

  // MARK: The position

  @Test func theFirstMessageIsThePlaceWhereNoneIsKnown() {
    var room = ContinuityTranscript()
    #expect(room.attached() == [])
    #expect(room.received("a", 57) == ["now"])
    #expect(room.received("a", 58) == ["now"])
    #expect(room.position("a", 70) == [], "the position is known, and what is above it may be on its way")
    #expect(room.received("a", 59) == ["now"])
  }

  @Test func whatIsReadAfterTheConfirmationIsThePlace() {
    var room = ContinuityTranscript()
    #expect(room.attached() == [])
    #expect(room.position("a", 10) == [])
    #expect(room.position("b", 3) == [], "once")
    #expect(room.received("a", 9) == [], "published before the read")
    #expect(room.received("a", 10) == [])
    #expect(room.received("a", 11) == ["now"])
  }

  @Test func theFirstMessageEverFollowsAnEmptyStream() {
    var room = ContinuityTranscript()
    _ = room.attached()
    #expect(room.position("a", 0) == [])
    #expect(room.received("a", 1) == ["now"])
    #expect(room.received("a", 2) == ["now"])
  }

  @Test func anAnswerIsOvertakenByAMessageOfANewerEpoch() {
    var room = ContinuityTranscript()
    _ = room.attached()
    #expect(!room.hasOvertaken("a", 0, askedIn: nil), "no message has come")
    #expect(room.received("b", 5) == ["now"])
    #expect(room.hasOvertaken("a", 0, askedIn: nil))
    #expect(room.hasOvertaken("a", 7, askedIn: "a"))
    #expect(!room.hasOvertaken("b", 4, askedIn: "a"))
    #expect(!room.hasOvertaken("c", 0, askedIn: "b"), "no message has told of it")
  }

  @Test func whatIsOfAnUnwatchedChannelIsHandedOnAndForgotten() {
    var room = ContinuityTranscript()
    #expect(room.received("a", 5) == ["now"])
    #expect(room.position("a", 5) == [])
    #expect(room.attached() == [], "no position to read from")
    #expect(room.received("a", 9) == ["now"])
  }

  @Test func channelsAreApart() {
    var node = ContinuityTranscript()
    for name in ["one", "two"] {
      _ = node.attached(name)
      _ = node.position("a", 10, name)
    }
    #expect(node.received("a", 11, "one") == ["now"])
    #expect(node.received("a", 12, "two") == ["two: read from a:10 as 1"])
    #expect(node.received("a", 13, "one") == ["one: read from a:11 as 2"])
    #expect(node.read(1, .holds("a", 12...13), "one") == [], "the serial is the other's")
    #expect(node.read(2, .holds("a", 12...13), "one") == ["one: deliver a:12 a:13"])
    node.forget("one")
    #expect(node.read(1, .holds("a", 11...12), "two") == ["two: deliver a:11 a:12"])
  }

  @Test func aPlaceIsReachedWhenAllUpToItWentOut() {
    var room = ContinuityTranscript()
    #expect(room.hasReached("a", 10), "nobody watches")
    _ = room.attached()
    _ = room.position("a", 10)
    #expect(room.hasReached("a", 9))
    #expect(room.hasReached("a", 10))
    #expect(!room.hasReached("a", 11))
    #expect(!room.hasReached("b", 1))
    #expect(room.received("a", 13) == ["read from a:10 as 1"])
    #expect(!room.hasReached("a", 13), "it is held")
    #expect(room.read(1, .lacks("a", 13)) == ["gap up to a:12", "deliver a:13"])
    #expect(room.hasReached("a", 12), "told as a gap")
    #expect(room.hasReached("a", 13))
  }

  // MARK: In order

  @Test func whatHasBeenHandedOnIsDropped() {
    var room = following()
    #expect(room.received("a", 1) == [])
    #expect(room.received("a", 10) == [], "published before the channel was followed")
    #expect(room.received("a", 11) == ["now"])
    #expect(room.received("a", 12) == ["now"])
  }

  // MARK: Messages that are not in the stream

  @Test func aMessageAheadOfTheStreamIsDroppedAndTold() {
    var room = following()
    #expect(room.received("a", 50) == ["read from a:10 as 1"])
    #expect(room.received("a", 11) == [], "below what is buffered: the read may bring it")
    #expect(room.read(1, .holdsNothing("a", 10)) == ["gap up to a:10", "read from a:10 as 2"])
    #expect(room.read(2, .holds("a", 11...11)) == ["deliver a:11"])
    #expect(room.received("a", 12) == ["now"])
  }

  @Test func aMessageFarAheadDoesNotKeepTheReadsGoing() {
    var room = following()
    _ = room.received("a", 50)
    _ = room.received("a", 70, padding: Continuity.maxBufferedBytes)
    #expect(room.read(1, .holds("a", 11...12)) == ["deliver a:11 a:12", "gap up to a:12", "read from a:12 as 2"])
    #expect(room.read(2, .holdsNothing("a", 12)) == ["gap up to a:12", "read from a:12 as 3"])
    #expect(room.read(3, .holdsNothing("a", 12)) == [])
    #expect(room.received("a", 13) == ["now"])
  }

  @Test func aMessageInThePlaceOfTheNextIsToldWhenThatComes() {
    var room = following()
    #expect(room.received("a", 11) == ["now"])
    #expect(room.received("a", 11) == ["gap up to a:11", "read from a:11 as 1"], "one of the two is false")
    #expect(room.read(1, .holdsNothing("a", 11)) == [])
    #expect(room.received("a", 12) == ["now"])
  }

  @Test func aReadBehindThePositionSetsItBack() {
    var room = following()
    for offset in 11...20 { #expect(room.received("a", offset) == ["now"]) }
    #expect(room.received("a", 12) == ["gap up to a:20", "read from a:20 as 1"])
    #expect(room.read(1, .holdsNothing("a", 12)) == ["gap up to a:12", "read from a:12 as 2"])
    #expect(room.read(2, .holds("a", 13...13)) == ["deliver a:13"])
    #expect(room.received("a", 14) == ["now"])
  }

  @Test func aPositionBehindTheOneThatItWasAskedAtSetsTheChannelBack() {
    var room = following()
    for offset in 11...20 { _ = room.received("a", offset) }
    #expect(room.position("a", 19, askedAt: 18) == [], "what came in between may be newer")
    #expect(room.position("a", 12, askedAt: 20) == ["gap up to a:12"])
    #expect(room.received("a", 13) == ["now"])
  }

  @Test func whatWasTakenForTheStreamAfterARefusedReadIsSetBack() {
    var room = following()
    _ = room.received("a", 50)
    #expect(room.read(1, .refusal) == ["gap up to a:49", "deliver a:50"])
    #expect(room.received("a", 11) == ["gap up to a:50", "read from a:50 as 2"])
    #expect(room.read(2, .holdsNothing("a", 11)) == ["gap up to a:11", "read from a:11 as 3"])
    #expect(room.read(3, .holdsNothing("a", 11)) == [])
    #expect(room.received("a", 12) == ["now"])
  }

  @Test func whatIsMissingIsReadAndGoesOutFirst() {
    var room = following()
    #expect(room.received("a", 13) == ["read from a:10 as 1"])
    #expect(room.received("a", 14) == [], "held")
    #expect(room.read(1, .holds("a", 11...13)) == ["deliver a:11 a:12 a:13 a:14"])
    #expect(room.received("a", 15) == ["now"])
  }

  @Test func whatCameByBothWaysGoesOutOnce() {
    var room = reading()
    #expect(room.received("a", 14) == [])
    #expect(room.read(1, .holds("a", 11...16)) == ["deliver a:11 a:12 a:13 a:14 a:15 a:16"])
    #expect(room.received("a", 15) == [], "on its way when it was read")
    #expect(room.received("a", 16) == [])
    #expect(room.received("a", 17) == ["now"])
  }

  @Test func aReadMayBringMoreThanWasAskedFor() {
    var room = reading()
    #expect(room.read(1, .holds("a", 8...13)) == ["deliver a:11 a:12 a:13"])
  }

  @Test func whatIsHeldTwiceGoesOutOnce() {
    var room = reading()
    for offset in [13, 14, 14, 12, 13] { #expect(room.received("a", offset) == []) }
    #expect(room.read(1, .holds("a", 11...13)) == ["deliver a:11 a:12 a:13 a:14"])
  }

  @Test func anAnswerCountsOnce() {
    var room = reading()
    #expect(room.read(2, .holds("a", 11...13)) == [], "never asked")
    #expect(room.read(1, .holds("a", 11...13)) == ["deliver a:11 a:12 a:13"])
    #expect(room.read(1, .holds("a", 11...13)) == [])
    #expect(room.received("a", 15) == ["read from a:13 as 2"])
    #expect(room.read(1, .lacks("a", 15)) == [], "of the first read")
    #expect(room.read(2, .holds("a", 14...15)) == ["deliver a:14 a:15"])
  }

  // MARK: A second jump

  @Test func aSecondJumpThatTheReadCoversNeedsNoOther() {
    var room = reading()
    #expect(room.received("a", 16) == [])
    #expect(room.read(1, .holds("a", 11...16)) == ["deliver a:11 a:12 a:13 a:14 a:15 a:16"])
    #expect(room.received("a", 17) == ["now"])
  }

  @Test func aSecondJumpAfterTheReadWasMadeIsReadAnew() {
    var room = reading()
    #expect(room.received("a", 16) == [])
    #expect(room.received("a", 18) == [])
    #expect(room.read(1, .holds("a", 11...13)) == ["deliver a:11 a:12 a:13", "read from a:13 as 2"])
    #expect(room.received("a", 19) == [], "still held")
    #expect(room.read(2, .holds("a", 14...18)) == ["deliver a:14 a:15 a:16 a:17 a:18 a:19"])
    #expect(room.received("a", 20) == ["now"])
  }

  @Test func aSecondJumpBehindAnUnreadableFirstIsReadAnew() {
    var room = reading()
    #expect(room.received("a", 16) == [])
    #expect(
      room.read(1, .lacks("a", 14)) == ["gap up to a:12", "deliver a:13 a:14", "read from a:14 as 2"])
    #expect(room.read(2, .holds("a", 15...16)) == ["deliver a:15 a:16"])
  }

  @Test func whatACompleteReadDoesNotBringIsNotAskedForTwice() {
    var room = reading()
    #expect(
      room.read(1, .holdsMore("a", 11...11, latest: 13)) == ["deliver a:11", "read from a:11 as 2"])
    #expect(room.read(2, .holdsNothing("a", 13)) == ["gap up to a:12", "deliver a:13"])
    #expect(room.received("a", 14) == ["now"])
  }

  @Test func anEntryThatWasTakenOutOfTheMiddleIsAGap() {
    var room = reading()
    let read = ContinuityTranscript.read(
      "a", 15, entries: [12, 15].map { ContinuityTranscript.entry("a", $0) })
    #expect(
      room.read(1, .success(read))
        == ["gap up to a:11", "deliver a:12 a:13", "gap up to a:14", "deliver a:15"], "13 was held")
    #expect(room.received("a", 16) == ["now"])
  }

  // MARK: Gaps

  @Test func whatHistoryDoesNotHoldIsAGap() {
    var room = reading()
    _ = room.received("a", 14)
    #expect(room.read(1, .lacks("a", 14)) == ["gap up to a:12", "deliver a:13 a:14"])
    #expect(room.received("a", 15) == ["now"])
  }

  @Test func whatCannotBeReadIsAGap() {
    var room = reading()
    _ = room.received("a", 14)
    #expect(room.read(1, .refusal) == ["gap up to a:12", "deliver a:13 a:14"])
    #expect(room.received("a", 16) == ["read from a:14 as 2"], "the next jump has its own chance")
  }

  @Test func anotherEpochInTheReadIsAGap() {
    var room = reading()
    #expect(
      room.read(1, .holds("b", 11...13)) == ["gap up to a:12", "deliver a:13", "gap up to b:13"], "others' numbers")
    #expect(room.received("b", 13) == [])
    #expect(room.received("b", 14) == ["now"])
  }

  // MARK: Epochs

  @Test func anEmptiedRedisBeginsAnew() {
    var room = following()
    #expect(room.received("b", 1) == ["gap up to b:0", "deliver b:1"])
    #expect(room.received("b", 2) == ["now"])
  }

  @Test func theBeginningOfAnotherEpochMayBeMissing() {
    var room = following()
    #expect(room.received("b", 7) == ["gap up to b:6", "deliver b:7"])
    #expect(room.received("b", 9) == ["read from b:7 as 1"])
  }

  @Test func anEmptyStreamThatHasBegunAnewIsToldWithoutAMessage() {
    var room = following()
    #expect(room.position("b", 0) == ["gap up to b:0"])
    #expect(room.position("b", 0) == [])
    #expect(room.received("b", 1) == ["now"])
    #expect(room.position("c", 1) == [], "its message is on its way and will tell")
    #expect(room.received("c", 1) == ["gap up to c:0", "deliver c:1"])
  }

  @Test func whatWasReadIsNotToldAgainByTheEpochBefore() {
    var room = reading()
    #expect(room.read(1, .holdsMore("a", 11...12, latest: 20)) == ["deliver a:11 a:12", "read from a:12 as 2"])
    #expect(room.read(2, .lacks("b", 2)) == ["deliver a:13", "gap up to b:2"])
    #expect(room.received("a", 12) == [], "on its way since before the read")
    #expect(room.received("b", 3) == ["now"])
  }

  @Test func anEmptyStreamThatHasBegunAnewEndsARead() {
    var room = reading()
    #expect(room.position("b", 0) == ["gap up to b:0"])
    #expect(room.read(1, .holds("a", 11...13)) == [])
    #expect(room.received("b", 1) == ["now"])
  }

  @Test func anotherEpochEndsARead() {
    var room = reading()
    #expect(room.received("b", 1) == ["gap up to b:0", "deliver b:1"], "13 is part of the gap")
    #expect(room.received("b", 2) == ["now"])
    #expect(room.read(1, .holds("a", 11...13)) == [])
    #expect(room.received("b", 4) == ["read from b:2 as 2"])
    #expect(room.read(2, .holds("b", 3...4)) == ["deliver b:3 b:4"])
  }

  @Test func anEpochDoesNotComeBack() {
    var room = following()
    #expect(room.received("b", 1) == ["gap up to b:0", "deliver b:1"])
    #expect(room.received("a", 11) == ["read from a:10 as 1"], "a primary that has lost its slots still publishes")
    #expect(room.received("a", 12) == [])
    #expect(room.read(1, .lacks("b", 1)) == [])
    #expect(room.received("b", 2) == ["now"])
    #expect(room.received("a", 13) == ["read from a:10 as 2"])
    #expect(room.received("b", 3) == [], "held until the answer")
    #expect(room.read(2, .lacks("b", 3)) == ["read from b:2 as 3"])
    #expect(room.read(3, .holds("b", 3...3)) == ["deliver b:3"])
    #expect(room.received("b", 4) == ["now"])
  }

  @Test func aMadeUpEpochIsFoundOut() {
    var room = following()
    #expect(room.received("x", 7) == ["gap up to x:6", "deliver x:7"])
    #expect(room.received("a", 11) == ["read from a:10 as 1"])
    #expect(room.received("x", 8) == [])
    #expect(room.read(1, .holds("a", 11...12)) == ["gap up to a:10", "deliver a:11 a:12"], "nothing is missed")
    #expect(room.received("a", 12) == [])
    #expect(room.received("a", 13) == ["now"])
    #expect(room.received("x", 9) == ["read from x:7 as 2"])
    #expect(room.read(2, .lacks("a", 13)) == [])
    #expect(room.received("a", 14) == ["now"])
  }

  // MARK: Bounds

  @Test func moreMessagesThanAreHeldAreReadToo() {
    var room = following()
    #expect(room.received("a", 12) == ["read from a:10 as 1"])
    for offset in 13...1013 { #expect(room.received("a", offset) == []) }
    #expect(room.read(1, .holds("a", 11...12)) == ["deliver a:11 a:12", "read from a:12 as 2"], "1012 was let go")
    #expect(
      room.read(2, .holdsMore("a", 13...14, latest: 1012)) == ["deliver a:13 a:14", "read from a:14 as 3"],
      "page by page")
    let rest = (15...1013).map { "a:\($0)" }.joined(separator: " ")
    #expect(room.read(3, .holds("a", 15...1013)) == ["deliver \(rest)"])
    #expect(room.received("a", 1014) == ["now"])
  }

  @Test func whatWasLetGoAndIsNotReadIsAGap() {
    var room = following()
    #expect(room.received("a", 12) == ["read from a:10 as 1"])
    for offset in 13...1012 { #expect(room.received("a", offset) == []) }
    #expect(room.read(1, .holds("a", 11...12)) == ["deliver a:11 a:12", "read from a:12 as 2"])
    #expect(room.read(2, .lacks("a", 1012)) == ["gap up to a:1011", "deliver a:1012"])
    #expect(room.received("a", 1013) == ["now"])
  }

  @Test func whatWasLetGoIsNotAskedForAgainAndAgain() {
    var room = following()
    #expect(room.received("a", 12) == ["read from a:10 as 1"])
    for offset in 13...1012 { #expect(room.received("a", offset) == []) }
    #expect(room.read(1, .refusal) == ["gap up to a:10"])
    #expect(room.received("a", 1013) == ["read from a:10 as 2"], "the next message has the rest read")
    #expect(room.read(2, .holdsMore("a", 9...10, latest: 1013)) == ["gap up to a:1012", "deliver a:1013"])
  }

  @Test func whatComesTwiceTakesNoRoom() {
    var room = reading()
    for _ in 0...Continuity.maxBuffered { #expect(room.received("a", 13) == []) }
    #expect(room.read(1, .holds("a", 11...13)) == ["deliver a:11 a:12 a:13"])
  }

  @Test func moreBytesThanAreHeldAreReadToo() {
    var room = following()
    // A frame is its name, four bytes, and the padding.
    let quarter = Continuity.maxBufferedBytes / 4 - 4
    #expect(room.received("a", 12, padding: quarter) == ["read from a:10 as 1"])
    for offset in 13...15 { #expect(room.received("a", offset, padding: quarter) == []) }
    #expect(room.received("a", 16) == [])
    for offset in 17...20 { #expect(room.received("a", offset, padding: quarter) == [], "there is room again") }
    #expect(
      room.read(1, .holds("a", 11...16)) == ["deliver a:11 a:12 a:13 a:14 a:15 a:16 a:17 a:18 a:19 a:20"])
    #expect(room.received("a", 22, padding: quarter) == ["read from a:20 as 2"], "what went out counts no more")
    for offset in 23...25 { #expect(room.received("a", offset, padding: quarter) == []) }
    #expect(room.read(2, .holds("a", 21...22)) == ["deliver a:21 a:22 a:23 a:24 a:25"])
  }

  @Test func whatStaysHeldBehindAReadCountsOn() {
    var room = following()
    let quarter = Continuity.maxBufferedBytes / 4 - 4
    #expect(room.received("a", 12, padding: quarter) == ["read from a:10 as 1"])
    for offset in [14, 15] { #expect(room.received("a", offset, padding: quarter) == []) }
    #expect(room.read(1, .holds("a", 11...12)) == ["deliver a:11 a:12", "read from a:12 as 2"])
    for offset in [16, 17] { #expect(room.received("a", offset, padding: quarter) == []) }
    #expect(room.received("a", 18) == [])
    #expect(room.read(2, .holds("a", 13...17)) == ["deliver a:13 a:14 a:15 a:16 a:17", "read from a:17 as 3"])
  }

  @Test func aMessageThatIsTooLargeToHoldIsNotLost() {
    var room = following()
    #expect(room.received("a", 12, padding: Continuity.maxBufferedBytes) == ["read from a:10 as 1"])
    #expect(room.read(1, .holds("a", 11...12)) == ["deliver a:11 a:12"])
    #expect(room.received("a", 13, padding: Continuity.maxBufferedBytes) == ["now"])
  }

  @Test func theLastOffsetsThereAreTrapNothing() {
    var room = ContinuityTranscript()
    _ = room.attached()
    _ = room.position("a", .max - 2)
    #expect(room.received("a", .max - 1) == ["now"])
    #expect(room.received("a", .max) == ["now"])
    #expect(room.received("a", 1) == [])
    room.lost()
    #expect(room.attached() == ["read from a:\(Int.max) as 1"])
    #expect(room.read(1, .holdsNothing("a", .max)) == [])
    #expect(room.received("b", .max) == ["gap up to b:\(Int.max - 1)", "deliver b:\(Int.max)"])
  }

  @Test func aForgedOffsetIsLookedForOnce() {
    var room = following()
    #expect(room.received("a", .max) == ["read from a:10 as 1"])
    #expect(
      room.read(1, .holds("a", 11...12))
        == ["deliver a:11 a:12", "gap up to a:12", "read from a:12 as 2"])
    #expect(room.read(2, .holdsNothing("a", 12)) == [])
    #expect(room.received("a", 13) == ["now"])
  }

  // MARK: Messages that are not fit for clients

  @Test func whatIsNotFitIsAGap() {
    var room = following()
    #expect(room.receivedUnfit("a", 11) == ["gap up to a:11"])
    #expect(room.received("a", 12) == ["now"])
  }

  @Test func whatIsNotFitBehindAJumpIsReadAndTold() {
    var room = following()
    #expect(room.receivedUnfit("a", 12) == ["read from a:10 as 1"])
    #expect(room.received("a", 13) == [])
    // A read leaves it out.
    #expect(room.read(1, .holdsMore("a", 11...11, latest: 12)) == ["deliver a:11", "read from a:11 as 2"])
    #expect(room.read(2, .holdsNothing("a", 13)) == ["gap up to a:12", "deliver a:13"])
  }

  @Test func theFirstOfAnEpochMayBeUnfit() {
    var room = following()
    #expect(room.receivedUnfit("b", 1) == ["gap up to b:0", "gap up to b:1"])
    #expect(room.received("b", 2) == ["now"])
    var fresh = ContinuityTranscript()
    _ = fresh.attached()
    #expect(fresh.receivedUnfit("a", 5) == ["gap up to a:5"])
    #expect(fresh.received("a", 6) == ["now"])
  }
}
