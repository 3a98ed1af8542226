import Model
import Protocol
import Testing
import WebSocket

@testable import ApusClient

@Suite struct TokenTests {
  private static let expiring = #"{"type":"expiring","in":30000}"#
  private static let expired = ApusClientError(.init("expired_token"), "The token has expired.")
  private static let refused = ApusClientError(.init("invalid_token"), "No.")
  private static let noToken = ApusClientError(.noToken, "Nobody is logged in.")

  private static func connecting() throws -> Transcript {
    var transcript = Transcript(session: ClientSession(renewsToken: true, random: SmallestDelay()))
    let actions = transcript.session.start(transcript.session.nextRequest(), token: try ClientToken("a"))
    #expect(actions == [.connect(token: try ClientToken("a"))])
    return transcript
  }

  @Test func theFirstTokenGoesWithTheFirstConnection() throws {
    var transcript = try Self.connecting()
    let actions = transcript.connect(user: "alice")
    #expect(actions.told == [.connected(Welcome(clientID: "c-1", node: "n.1", user: "alice"))])
    #expect(actions.answers == [.success(.connected)])
  }

  @Test func everyConnectionHasATokenOfItsOwn() throws {
    var transcript = try Transcript.authenticated()
    for token in ["b", "c", "c"] {
      _ = transcript.lose()
      #expect(transcript.wait() == [.askForToken])
      #expect(transcript.session.deadline == nil, "the program takes its time")
      #expect(try transcript.give(token) == [.connect(token: try ClientToken(token))])
      #expect(transcript.connect(user: "alice").told.count == 1)
    }
  }

  @Test func theMoveToAnotherNodeNeedsATokenToo() throws {
    var transcript = try Transcript.authenticated()
    transcript.now = 10_000
    _ = transcript.hear(#"{"type":"drain","after":0}"#)
    #expect(transcript.wait().last == .askForToken)
  }

  @Test func aProviderThatFailsIsAFailedAttempt() throws {
    var transcript = try Transcript.authenticated()
    _ = transcript.lose()
    for _ in 0..<3 {
      #expect(transcript.wait() == [.askForToken])
      #expect(
        transcript.session.tokenArrived(.failure(Self.noToken), now: transcript.now)
          == [.tell(.disconnected(Self.noToken, retryAfter: 0))])
    }
    _ = transcript.wait()
    #expect(try transcript.give("b") == [.connect(token: try ClientToken("b"))])
  }

  // MARK: Renewal

  @Test func aTokenIsRenewedBeforeItsEnd() throws {
    var transcript = try Transcript.authenticated()
    #expect(transcript.hear(Self.expiring) == [.tell(.expiring(within: 30_000)), .askForToken])
    #expect(try transcript.give("b") == [.send(#"{"type":"auth","id":2,"token":"b"}"#)])
    #expect(transcript.hear(#"{"type":"authenticated","id":2,"user":"alice","expires":1730000000}"#).isEmpty)
    #expect(transcript.session.token == (try ClientToken("b")))
  }

  @Test func aRenewalThatTheNodeRefusesIsTold() throws {
    var transcript = try Transcript.authenticated()
    _ = transcript.hear(Self.expiring)
    _ = try transcript.give("b")
    let error = #"{"type":"error","id":2,"code":"invalid_token","error":"No.","temporary":false}"#
    #expect(transcript.hear(error) == [.tell(.renewalFailed(Self.refused))])
    #expect(transcript.session.state == .open)
    #expect(transcript.session.token == (try ClientToken("a")))
  }

  @Test func aRenewalWithoutATokenIsTold() throws {
    var transcript = try Transcript.authenticated()
    _ = transcript.hear(Self.expiring)
    #expect(
      transcript.session.tokenArrived(.failure(Self.noToken), now: 0) == [.tell(.renewalFailed(Self.noToken))])
    #expect(transcript.session.state == .open)
  }

  @Test(arguments: ["a", String(repeating: "b", count: 1000)])
  func aTokenThatRenewsNothingIsNotSent(_ token: String) throws {
    var transcript = try Transcript.authenticated()
    _ = transcript.hear(Self.expiring)
    let actions = try transcript.give(token)
    #expect(actions.sent.isEmpty)
    guard case .renewalFailed? = actions.told.first else {
      Issue.record("not told")
      return
    }
  }

  @Test func aRenewalThatIsCutOffIsForgotten() throws {
    var transcript = try Transcript.authenticated()
    _ = transcript.hear(Self.expiring)
    _ = try transcript.give("b")
    #expect(transcript.lose().told.count == 1)
    _ = transcript.wait()
    _ = try transcript.give("b")
    #expect(transcript.connect(user: "alice").sent.isEmpty)
  }

  @Test func oneQuestionIsAskedAtATime() throws {
    var transcript = try Transcript.authenticated()
    _ = transcript.hear(Self.expiring)
    #expect(transcript.hear(Self.expiring) == [.tell(.expiring(within: 30_000))])
    _ = transcript.lose()
    #expect(transcript.wait().isEmpty)
    #expect(try transcript.give("b") == [.connect(token: try ClientToken("b"))])
  }

  @Test func anAnswerBetweenTwoConnectionsIsTooEarly() throws {
    var transcript = try Transcript.authenticated()
    _ = transcript.hear(Self.expiring)
    _ = transcript.lose()
    #expect(try transcript.give("b").isEmpty)
    #expect(transcript.wait() == [.askForToken])
  }

  @Test func withoutAProviderTheProgramIsToldAlone() {
    var transcript = Transcript.connected()
    #expect(transcript.hear(Self.expiring) == [.tell(.expiring(within: 30_000))])
  }

  // MARK: Tokens that are no good any more

  @Test func afterTheEndOfATokenThereIsAnother() throws {
    var transcript = try Transcript.authenticated()
    #expect(
      transcript.lose(.closed(.tokenExpired, reason: "")) == [.tell(.disconnected(Self.expired, retryAfter: 0))])
    #expect(transcript.wait() == [.askForToken])
    #expect(try transcript.give("b") == [.connect(token: try ClientToken("b"))])
    #expect(transcript.connect(user: "alice").told.count == 1)
  }

  @Test func aTokenThatHasExpiredIsTheEndWhenItComesAgain() throws {
    var transcript = try Transcript.authenticated()
    _ = transcript.lose(.closed(.tokenExpired, reason: ""))
    _ = transcript.wait()
    #expect(try transcript.give("a") == [.disconnect, .finish(Self.expired)])
  }

  @Test func theTokenThatHasExpiredIsTheOneThatRenewedTheFirst() throws {
    var transcript = try Transcript.authenticated()
    _ = transcript.hear(Self.expiring)
    _ = try transcript.give("b")
    _ = transcript.hear(#"{"type":"authenticated","id":2,"user":"alice","expires":1730000000}"#)
    _ = transcript.lose(.closed(.tokenExpired, reason: ""))
    _ = transcript.wait()
    #expect(try transcript.give("b").last == .finish(Self.expired))
  }

  @Test func aTokenThatIsRefusedAtFirstIsTheEnd() throws {
    var transcript = try Self.connecting()
    let greeted = transcript.connect()
    #expect(greeted == [.send(#"{"type":"ping"}"#)], "nothing is told of a connection that may be refused")
    _ = transcript.hear(#"{"type":"error","code":"invalid_token","error":"No.","temporary":false}"#)
    let actions = transcript.lose(.closed(.unauthenticated, reason: "invalid_token"))
    #expect(actions == [.disconnect, .answer(1, .failure(Self.refused)), .finish(Self.refused)])
  }

  @Test(arguments: [#"{"type":"error","code":"bad_request","error":"No.","temporary":false}"#, #"{"type":"new"}"#])
  func aRefusalWithoutAReasonIsARefusal(_ text: String) throws {
    var transcript = try Self.connecting()
    _ = transcript.connect()
    _ = transcript.hear(text)
    guard case .finish(let error?)? = transcript.lose(.closed(.unauthenticated, reason: "")).last else {
      Issue.record("it goes on")
      return
    }
    #expect(error.code == .refused)
  }

  @Test func aNodeThatAsksForNoTokensIsTakenAsItIs() throws {
    var transcript = try Self.connecting()
    _ = transcript.connect()
    let actions = transcript.hear(#"{"type":"pong","ts":0}"#)
    #expect(actions.told == [.connected(Welcome(clientID: "c-1", node: "n.1", user: nil))])
    #expect(actions.answers == [.success(.connected)])
    #expect(transcript.hear(#"{"type":"pong","ts":0}"#).isEmpty, "and once")
  }

  @Test func aTokenThatIsRefusedLaterIsReplacedOnce() throws {
    var transcript = try Transcript.authenticated()
    _ = transcript.lose()
    for _ in 0..<2 {
      _ = transcript.wait()
      _ = try transcript.give("b")
      #expect(transcript.refuse() == [.tell(.disconnected(Self.refused, retryAfter: 0))])
      #expect(transcript.wait() == [.askForToken])
      #expect(try transcript.give("c") == [.connect(token: try ClientToken("c"))])
      // A connection in between: the next refusal is a first one again.
      _ = transcript.connect(user: "alice")
      _ = transcript.lose()
    }
    _ = transcript.wait()
    _ = try transcript.give("b")
    _ = transcript.refuse()
    _ = transcript.wait()
    _ = try transcript.give("c")
    #expect(transcript.refuse() == [.disconnect, .finish(Self.refused)])
  }

  @Test func aTokenThatIsRefusedIsTheEndWhenItComesAgain() throws {
    var transcript = try Transcript.authenticated()
    _ = transcript.lose()
    _ = transcript.wait()
    _ = try transcript.give("b")
    _ = transcript.refuse()
    _ = transcript.wait()
    #expect(try transcript.give("b").last == .finish(Self.refused))
  }

  @Test func aRefusalIsNotForgottenOverABrokenAttempt() throws {
    var transcript = try Transcript.authenticated()
    _ = transcript.lose(.closed(.tokenExpired, reason: ""))
    _ = transcript.wait()
    _ = try transcript.give("b")
    _ = transcript.lose()
    _ = transcript.wait()
    _ = try transcript.give("b")
    #expect(transcript.refuse().last == .finish(Self.refused))
  }

  @Test func whoIsDisconnectedStaysAwayWithAnyToken() throws {
    var transcript = try Transcript.authenticated()
    guard case .finish? = transcript.lose(.closed(.disconnected, reason: "")).last else {
      Issue.record("it goes on")
      return
    }
  }

  @Test func afterTheEndATokenIsOfNoUse() throws {
    var transcript = try Transcript.authenticated()
    _ = transcript.lose()
    _ = transcript.wait()
    #expect(transcript.session.close() == [.disconnect, .finish(nil)])
    #expect(try transcript.give("b").isEmpty)
  }
}
