import Model
import Testing

@testable import ApusClient

@Suite struct ClientSessionTests {
  @Test func theFirstConnectionAnswersTheProgram() {
    var transcript = Transcript()
    #expect(transcript.session.start(transcript.session.nextRequest()) == [.connect(token: nil)])
    let actions = transcript.connect()
    #expect(actions.told == [.connected(Welcome(clientID: "c-1", node: "n.1", user: nil))])
    #expect(actions.answers == [.success(.connected)])
  }

  @Test func aFirstConnectionThatFailsIsTheEnd() {
    var transcript = Transcript()
    _ = transcript.session.start(transcript.session.nextRequest())
    let error = ApusClientError(.notConnected, "nobody there")
    #expect(transcript.lose(.broken("nobody there")).suffix(2) == [.answer(1, .failure(error)), .finish(error)])
  }

  @Test func aNodeThatSaysNothingIsGivenUp() {
    var transcript = Transcript()
    _ = transcript.session.start(transcript.session.nextRequest())
    transcript.session.opened(now: 0)
    #expect(transcript.wait().first == .disconnect)
    #expect(transcript.now == 10_000)
  }

  @Test func aSubscriptionIsAnsweredWhenTheNodeConfirms() {
    var transcript = Transcript.connected()
    #expect(transcript.subscribe("room").sent == [#"{"type":"subscribe","id":3,"channel":"room"}"#])
    let actions = transcript.hear(#"{"type":"subscribed","id":3,"channel":"room"}"#)
    let subscription = Subscription(channel: "room", recovered: false, position: nil, members: nil)
    #expect(actions == [.tell(.subscribed(subscription)), .answer(2, .success(.subscribed(subscription)))])
  }

  @Test func aRefusalForGoodIsAnswered() {
    var transcript = Transcript.connected()
    _ = transcript.subscribe("room")
    let actions = transcript.hear(
      #"{"type":"error","id":3,"code":"forbidden","error":"You may not.","temporary":false}"#)
    #expect(actions.answers == [.failure(ApusClientError(.init("forbidden"), "You may not."))])
    #expect(transcript.session.wanted.isEmpty)
  }

  @Test func aRefusalThatMayPassIsAskedAgain() {
    var transcript = Transcript.connected()
    _ = transcript.subscribe("room")
    #expect(transcript.hear(#"{"type":"error","id":3,"code":"unavailable","error":"…","temporary":true}"#).isEmpty)
    #expect(transcript.wait().sent == [#"{"type":"subscribe","id":4,"channel":"room"}"#])
    #expect(transcript.now == ClientSession.subscribeRetry)
  }

  @Test func aMessageIsTold() {
    var transcript = Transcript.connected()
    let text = #"{"type":"message","channel":"room","from":"alice","client":"c-2","data":{"a" :1},"ts":7}"#
    #expect(
      transcript.hear(text).told == [
        .message(
          Message(channel: "room", from: "alice", client: "c-2", data: #"{"a" :1}"#, offset: nil, timestamp: 7))
      ])
  }

  @Test func presenceIsTold() {
    var transcript = Transcript.connected()
    let bob = Member(user: "bob", client: nil, info: #"{"x":[1]}"#)
    #expect(
      transcript.hear(#"{"type":"join","channel":"r","user":"bob","info":{"x":[1]},"count":3}"#).told
        == [.joined(channel: "r", bob, count: 3)])
    #expect(
      transcript.hear(#"{"type":"members","channel":"r","members":[{"user":"bob","info":{"x":[1]}}],"count":1}"#).told
        == [.members(channel: "r", [bob], count: 1)])
    #expect(
      transcript.hear(#"{"type":"members","channel":"r","count":201}"#).told
        == [.members(channel: "r", nil, count: 201)])
  }

  @Test(arguments: ["", "nonsense", "[]", #"{"type":1}"#, #"{"type":"new"}"#, #"{"type":"message","channel":"r"}"#])
  func whatIsNotKnownIsTold(_ text: String) {
    var transcript = Transcript.connected()
    #expect(transcript.hear(text).told == [.other(json: text)])
  }

  @Test func publishesAreAnsweredOnce() {
    var transcript = Transcript.connected()
    #expect(
      transcript.publish(#"{"a":1}"#, to: "room").sent
        == [#"{"type":"publish","id":2,"channel":"room","data":{"a":1}}"#])
    let answer = #"{"type":"published","id":2,"channel":"room","epoch":"x","offset":5}"#
    #expect(transcript.hear(answer).answers == [.success(.published(Position(epoch: "x", offset: 5)))])
    #expect(transcript.hear(answer).answers.isEmpty)
  }

  @Test(arguments: ["", "{", "{} {}", "\u{0}"])
  func dataThatIsNoJSONIsNotSent(_ data: String) {
    var transcript = Transcript.connected()
    let actions = transcript.publish(data, to: "room")
    #expect(actions.sent.isEmpty)
    #expect(actions.answers.count == 1)
  }

  @Test func whatTheNodeWouldCloseForIsNotSent() {
    var transcript = Transcript.connected()
    let actions = transcript.publish("\"\(String(repeating: "x", count: 1000))\"", to: "room")
    #expect(actions.sent.isEmpty)
    guard case .failure(let error)? = actions.answers.first else {
      Issue.record("not refused")
      return
    }
    #expect(error.code == .invalid)
  }

  @Test func aSubscribeThatTheNodeWouldCloseForIsNotSent() {
    var transcript = Transcript.connected()
    let actions = transcript.subscribe(String(repeating: "a", count: 1000))
    #expect(actions.sent.isEmpty)
    #expect(actions.answers.count == 1)
    #expect(transcript.session.wanted.isEmpty, "nor again on another connection")
  }

  @Test func infoThatIsNoJSONIsNotSent() {
    var transcript = Transcript.connected()
    let request = transcript.session.nextRequest()
    let actions = transcript.session.subscribe(
      "room", presence: .member, info: #"1,"id":9"#, since: nil, request)
    #expect(actions.sent.isEmpty)
    #expect(actions.answers.count == 1)
  }

  @Test func onlyTheNewestOfTwoSubscribesCounts() {
    var transcript = Transcript.connected()
    _ = transcript.subscribe("room")
    let second = transcript.subscribe("room")
    #expect(second.answers.count == 1, "the first is told that there is a second")
    #expect(transcript.hear(#"{"type":"subscribed","id":3,"channel":"room"}"#).isEmpty)
    let actions = transcript.hear(#"{"type":"subscribed","id":5,"channel":"room","members":[],"count":0}"#)
    #expect(actions.answers.count == 1)
    #expect(actions.told.count == 1, "and no gap")
  }

  @Test func aRefusalOfAnEarlierSubscribeSaysNothing() {
    var transcript = Transcript.connected()
    _ = transcript.subscribe("room")
    _ = transcript.subscribe("room")
    let refusal = #"{"type":"error","id":3,"code":"forbidden","error":"You may not.","temporary":false}"#
    #expect(transcript.hear(refusal).isEmpty)
    #expect(transcript.session.wanted.count == 1)
  }

  @Test func aSecondSubscribeMovesNoPosition() {
    var transcript = Transcript.connected()
    _ = transcript.subscribe("room")
    _ = transcript.hear(#"{"type":"subscribed","id":3,"channel":"room","epoch":"x","offset":1,"recovered":false}"#)
    _ = transcript.subscribe("room")
    _ = transcript.hear(#"{"type":"subscribed","id":5,"channel":"room","epoch":"x","offset":3,"recovered":false}"#)
    let message = #"{"type":"message","channel":"room","from":null,"data":2,"offset":2,"ts":0}"#
    #expect(transcript.hear(message).told.count == 1, "it was on its way")
  }

  @Test func aChangeThatIsRefusedLeavesTheChannelAsItIs() {
    var transcript = Transcript.connected()
    _ = transcript.subscribe("room")
    _ = transcript.hear(#"{"type":"subscribed","id":3,"channel":"room"}"#)
    _ = transcript.subscribe("room")
    let actions = transcript.hear(#"{"type":"error","id":5,"code":"forbidden","error":"No.","temporary":false}"#)
    #expect(actions.answers.count == 1)
    #expect(transcript.session.wanted.count == 1)
  }

  @Test func binaryMessagesAreTold() {
    var transcript = Transcript.connected()
    var bytes: [UInt8] = [0x01, 0, 1, UInt8(ascii: "r"), 7, 8]
    var actions = bytes.withUnsafeBytes { transcript.session.received(binary: $0, now: 0) }
    #expect(actions.told == [.binary(channel: "r", payload: [7, 8], offset: nil)])
    bytes = [0x02, 0, 1, UInt8(ascii: "r"), 0, 0, 0, 0, 0, 0, 1, 2, 9]
    actions = bytes.withUnsafeBytes { transcript.session.received(binary: $0, now: 0) }
    #expect(actions.told == [.binary(channel: "r", payload: [9], offset: 258)])
    for nonsense: [UInt8] in [[], [1], [1, 0], [1, 0, 5, 65], [3, 0, 1, 65], [2, 0, 1, 65, 0], [1, 0, 1, 0xFF]] {
      #expect(nonsense.withUnsafeBytes { transcript.session.received(binary: $0, now: 0) }.isEmpty)
    }
  }

  @Test(arguments: [Int.min, -1, 0, 1, Int.max])
  func absurdNumbersOfTheNodeAreBorne(_ number: Int) {
    var transcript = Transcript()
    _ = transcript.session.start(transcript.session.nextRequest())
    transcript.session.opened(now: 0)
    _ = transcript.hear(
      #"{"type":"connected","clientId":"c","node":"n","pingInterval":\#(number),"maxMessageSize":\#(number)}"#)
    #expect(transcript.session.deadline ?? 0 >= 1000)
    _ = transcript.subscribe("room")
    let error = #""code":"rate_limited","error":"…","temporary":true,"retryAfter":\#(number)"#
    _ = transcript.hear(#"{"type":"error","id":3,\#(error)}"#)
    _ = transcript.hear(#"{"type":"drain","after":\#(number)}"#)
    for _ in 0..<10 { _ = transcript.wait() }
  }

  @Test func afterTheEndEverythingIsRefused() {
    var transcript = Transcript.connected()
    _ = transcript.subscribe("room")
    #expect(
      transcript.session.close() == [
        .disconnect, .answer(2, .failure(ApusClientError(.closed, "The client was closed."))), .finish(nil),
      ])
    #expect(transcript.publish("1", to: "room").answers.count == 1)
    #expect(transcript.lose().isEmpty)
    #expect(transcript.session.deadline == nil)
  }
}
