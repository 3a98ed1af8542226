import Model
import Protocol
import Testing
import WebSocket

@testable import ApusClient

@Suite struct ReconnectTests {
  /// Subscribed to a channel with history at offset 41.
  private static func recovering() -> Transcript {
    var transcript = Transcript.connected()
    _ = transcript.subscribe("room")
    _ = transcript.hear(#"{"type":"subscribed","id":3,"channel":"room","epoch":"x","offset":41,"recovered":false}"#)
    return transcript
  }

  private static func message(_ offset: Int) -> String {
    #"{"type":"message","channel":"room","from":null,"data":\#(offset),"offset":\#(offset),"ts":0}"#
  }

  @Test func whatWasMissedIsAskedForFromTheLastMessageOn() {
    var transcript = Self.recovering()
    _ = transcript.hear(Self.message(42))
    #expect(transcript.lose().told == [.disconnected(ApusClientError(.notConnected, "gone"), retryAfter: 0)])
    #expect(transcript.wait() == [.connect(token: nil)])
    #expect(
      transcript.connect().sent
        == [#"{"type":"subscribe","id":4,"channel":"room","since":{"epoch":"x","offset":42}}"#])
    let actions = transcript.hear(
      #"{"type":"subscribed","id":4,"channel":"room","epoch":"x","offset":44,"recovered":true}"#)
    #expect(actions.told.count == 1, "no gap")
    #expect(transcript.hear(Self.message(43)).told.count == 1)
    // Lost again in the midst of what is recovered: it goes on from there.
    _ = transcript.lose()
    _ = transcript.wait()
    #expect(transcript.connect().sent.first?.contains(#""since":{"epoch":"x","offset":43}"#) == true)
  }

  @Test func nothingIsToldTwice() {
    var transcript = Self.recovering()
    #expect(transcript.hear(Self.message(41)).isEmpty)
    #expect(transcript.hear(Self.message(42)).told.count == 1)
    #expect(transcript.hear(Self.message(42)).isEmpty)
  }

  @Test func whatCannotBeRecoveredIsAGap() {
    var transcript = Self.recovering()
    _ = transcript.lose()
    _ = transcript.wait()
    _ = transcript.connect()
    let actions = transcript.hear(
      #"{"type":"subscribed","id":4,"channel":"room","epoch":"y","offset":7,"recovered":false}"#)
    #expect(actions.told.last == .gap(channel: "room"))
    #expect(transcript.hear(Self.message(8)).told.count == 1, "the new epoch counts anew")
  }

  @Test func aChannelWithoutHistoryHasAGapToo() {
    var transcript = Transcript.connected()
    _ = transcript.subscribe("room")
    #expect(transcript.hear(#"{"type":"subscribed","id":3,"channel":"room"}"#).told.count == 1)
    _ = transcript.lose()
    _ = transcript.wait()
    #expect(transcript.connect().sent == [#"{"type":"subscribe","id":4,"channel":"room"}"#])
    #expect(
      transcript.hear(#"{"type":"subscribed","id":4,"channel":"room"}"#).told.last == .gap(channel: "room"))
  }

  @Test func theNodesOwnGapMovesThePosition() {
    var transcript = Self.recovering()
    #expect(
      transcript.hear(#"{"type":"gap","channel":"room","epoch":"z","offset":57}"#).told == [.gap(channel: "room")])
    _ = transcript.lose()
    _ = transcript.wait()
    #expect(transcript.connect().sent.first?.contains(#""since":{"epoch":"z","offset":57}"#) == true)
  }

  @Test func aSubscriptionWaitsThroughALostConnection() {
    var transcript = Transcript.connected()
    _ = transcript.subscribe("room")
    #expect(transcript.lose().answers.isEmpty)
    _ = transcript.wait()
    _ = transcript.connect()
    let actions = transcript.hear(#"{"type":"subscribed","id":4,"channel":"room"}"#)
    #expect(actions.answers.count == 1)
    #expect(actions.told.count == 1, "nothing was missed, since nothing had been promised")
  }

  @Test func aPublishThatWasLostIsSaidToBeUnknown() {
    var transcript = Transcript.connected()
    _ = transcript.publish("1", to: "room")
    guard case .failure(let error)? = transcript.lose().answers.first else {
      Issue.record("not answered")
      return
    }
    #expect(error.code == .outcomeUnknown)
    _ = transcript.wait()
    #expect(transcript.connect().sent.isEmpty, "nothing is sent twice")
  }

  @Test func withoutAConnectionNothingIsSent() {
    var transcript = Transcript.connected()
    _ = transcript.lose()
    guard case .failure(let error)? = transcript.publish("1", to: "room").answers.first else {
      Issue.record("not answered")
      return
    }
    #expect(error.code == .notConnected)
  }

  @Test func theDelayDoublesUntilTheNodeIsOfUse() {
    var transcript = Transcript.connected()
    transcript.session = ClientSession(random: LongestDelay())
    _ = transcript.session.start(transcript.session.nextRequest())
    _ = transcript.connect()
    _ = transcript.subscribe("room")
    var delays: [Int64] = []
    for _ in 0..<7 {
      _ = transcript.lose()
      let before = transcript.now
      _ = transcript.wait()
      delays.append(transcript.now - before)
    }
    #expect(delays == [500, 1000, 2000, 4000, 8000, 15_000, 15_000])
    let sent = transcript.connect().sent
    #expect(sent.count == 1)
    _ = transcript.hear(#"{"type":"subscribed","id":4,"channel":"room"}"#)
    _ = transcript.lose()
    let before = transcript.now
    _ = transcript.wait()
    #expect(transcript.now - before == 500)
  }

  @Test(arguments: [CloseCode.unauthenticated, .tokenExpired, .disconnected])
  func whoIsNotWantedStaysAway(_ code: CloseCode) {
    var transcript = Transcript.connected()
    guard case .finish(let error?)? = transcript.lose(.closed(code, reason: "no")).last else {
      Issue.record("it goes on")
      return
    }
    #expect(error.code == .refused)
  }

  @Test(arguments: [CloseCode.restart, .overloaded, .tooSlow, .pongTimeout, .rateLimited, .noStatus])
  func otherClosesAreReconnectedAfter(_ code: CloseCode) {
    var transcript = Transcript.connected()
    _ = transcript.lose(.closed(code, reason: ""))
    #expect(transcript.wait() == [.connect(token: nil)])
  }

  @Test func aFullNodeSaysWhenToComeBack() {
    var transcript = Transcript.connected()
    _ = transcript.lose()
    _ = transcript.wait()
    _ = transcript.lose(.refused("full", retryAfter: 3000))
    let before = transcript.now
    #expect(transcript.wait() == [.connect(token: nil)])
    #expect(transcript.now - before == 3000)
  }

  @Test func aRefusalThatCannotPassIsTheEnd() {
    var transcript = Transcript.connected()
    _ = transcript.lose()
    _ = transcript.wait()
    guard case .finish? = transcript.lose(.refused("404", retryAfter: nil)).last else {
      Issue.record("it goes on")
      return
    }
  }

  @Test func aNodeThatRestartsIsLeftAtTheMomentItNames() {
    var transcript = Transcript.connected()
    #expect(transcript.hear(#"{"type":"drain","after":1200}"#).told == [.draining(after: 1200)])
    let actions = transcript.wait()
    #expect(transcript.now == 1200)
    #expect(actions.first == .disconnect)
    #expect(transcript.wait() == [.connect(token: nil)])
    #expect(transcript.now == 1300, "a moment later: the connection did not last")
  }

  @Test func afterALastingConnectionTheMoveTakesNoTime() {
    var transcript = Transcript.connected()
    transcript.now = 10_000
    _ = transcript.hear(#"{"type":"drain","after":1200}"#)
    #expect(transcript.wait().last == .connect(token: nil))
    #expect(transcript.now == 11_200)
  }

  @Test func whatIsUnderWayHoldsUpTheMoveForAMoment() {
    var transcript = Transcript.connected()
    transcript.now = 10_000
    _ = transcript.publish("1", to: "room")
    _ = transcript.hear(#"{"type":"drain","after":0}"#)
    #expect(transcript.wait().isEmpty)
    #expect(transcript.hear(#"{"type":"published","id":2,"channel":"room"}"#).answers == [.success(.published(nil))])
    #expect(transcript.wait().last == .connect(token: nil))
    #expect(transcript.now < 10_100)
  }

  @Test func whatIsNeverAnsweredDoesNotHoldUpTheMoveForEver() {
    var transcript = Transcript.connected()
    transcript.now = 10_000
    _ = transcript.publish("1", to: "room")
    _ = transcript.hear(#"{"type":"drain","after":0}"#)
    for _ in 0..<100 where transcript.session.state == .open { _ = transcript.wait() }
    #expect(transcript.session.state == .connecting)
    #expect(transcript.now == 11_000)
  }

  @Test func aNodeThatSendsEverybodyAwayIsNotFlooded() {
    var transcript = Transcript.connected()
    for _ in 0..<10 {
      let before = transcript.now
      _ = transcript.hear(#"{"type":"drain","after":-5}"#)
      while transcript.session.state != .connecting { _ = transcript.wait() }
      #expect(transcript.now - before >= 100)
      _ = transcript.connect()
    }
  }

  /// The change of presence is asked for on the new connection only, and the channel may have missed messages.
  @Test func aGapIsToldWhoeverWaitsForTheReply() {
    var transcript = Self.recovering()
    _ = transcript.subscribe("room")
    _ = transcript.lose()
    _ = transcript.wait()
    _ = transcript.connect()
    let actions = transcript.hear(
      #"{"type":"subscribed","id":6,"channel":"room","epoch":"y","offset":7,"recovered":false}"#)
    #expect(actions.told.last == .gap(channel: "room"))
    #expect(actions.answers.count == 1)
  }

  @Test func aNodeThatClosesBeforeThatIsReturnedFromThen() {
    var transcript = Transcript.connected()
    _ = transcript.hear(#"{"type":"drain","after":1200}"#)
    transcript.now = 1000
    _ = transcript.lose(.closed(.restart, reason: ""))
    _ = transcript.wait()
    #expect(transcript.now == 1200)
  }

  @Test func aSilentNodeIsPingedAndThenGivenUp() {
    var transcript = Transcript.connected(pingInterval: 1000)
    for _ in 0..<2 { #expect(transcript.wait() == [.send(#"{"type":"ping"}"#)]) }
    #expect(transcript.wait().first == .disconnect)
    #expect(transcript.wait() == [.connect(token: nil)])
  }

  @Test func aNodeThatAnswersIsKept() {
    var transcript = Transcript.connected(pingInterval: 1000)
    for _ in 0..<20 {
      #expect(transcript.wait().sent.count == 1)
      _ = transcript.hear(#"{"type":"pong","ts":0}"#)
    }
  }

  @Test func theNodeMayEndASubscription() {
    var transcript = Self.recovering()
    let actions = transcript.hear(#"{"type":"unsubscribed","channel":"room","reason":"server"}"#)
    #expect(actions.told.count == 1)
    _ = transcript.lose()
    _ = transcript.wait()
    #expect(transcript.connect().sent.isEmpty)
  }
}
