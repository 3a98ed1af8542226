import Cluster
import Hub
import Model
import TestSupport
import Testing

@Suite struct HistoryTests {
  @Test func aSubscribeTellsWhereTheChannelStands() {
    var desk = HubTests.desk()
    desk.open(0)
    #expect(desk.subscribe(0, "a", id: 1) == ["attach a"])
    #expect(desk.attached("a") == ["read 0 a position"])
    #expect(desk.read(0, "a", .success(read(at(41)))) == ["0: subscribed a #1 at e1/41"])
    #expect(desk.deliver("m42", of: "a", .message(at(42))) == [0])
  }

  @Test func whatWasMissedComesBeforeWhatIsNew() {
    var desk = HubTests.desk()
    desk.open(0)
    _ = desk.subscribe(0, "a", since: .position(at(3)), id: 1)
    #expect(desk.attached("a") == ["read 0 a since e1/3"])
    // The read was made after 5 was published, and before 6.
    #expect(desk.deliver("m5", of: "a", .message(at(5))) == [])
    #expect(desk.deliver("m6", of: "a", .message(at(6))) == [])
    #expect(
      desk.read(0, "a", .success(read(at(5), [4, 5]))) == [
        "0: subscribed a #1 at e1/3 recovered", "0: replay [m4, m5]", "0: 'm6'",
      ])
  }

  @Test func nothingWasMissed() {
    var desk = HubTests.desk()
    desk.open(0)
    _ = desk.subscribe(0, "a", since: .position(at(5)), id: 1)
    _ = desk.attached("a")
    #expect(desk.read(0, "a", .success(read(at(5)))) == ["0: subscribed a #1 at e1/5 recovered"])
  }

  @Test func whatCannotBeRecoveredIsNot() {
    var desk = HubTests.desk()
    desk.open(0)
    _ = desk.subscribe(0, "a", since: .position(at(3, "e0")), id: 1)
    _ = desk.attached("a")
    #expect(desk.read(0, "a", .success(read(at(5), isComplete: false))) == ["0: subscribed a #1 at e1/5 not recovered"])
  }

  @Test func ownMessagesWithoutEchoAreNotRecovered() {
    var desk = HubTests.desk()
    desk.open(0)
    _ = desk.subscribe(0, "a", since: .position(at(5)), id: 1)
    _ = desk.attached("a")
    #expect(
      desk.read(0, "a", .success(read(at(8), [6, 7, 8]))) == [
        "0: subscribed a #1 at e1/5 recovered", "0: replay [m6, m8]",
      ])
  }

  @Test func theNewestIsSentToWhoeverComes() {
    var desk = HubTests.desk(sendsLast: true)
    desk.open(0, 1)
    _ = desk.subscribe(0, "a", id: 1)
    #expect(desk.attached("a") == ["read 0 a newest 1"])
    #expect(desk.read(0, "a", .success(read(at(5), [5]))) == ["0: subscribed a #1 at e1/4", "0: replay [m5]"])
    #expect(desk.subscribe(1, "a", since: .position(at(1, "e0")), id: 2) == ["read 1 a since e0/1"])
    #expect(desk.read(1, "a", .success(read(at(5), isComplete: false))) == ["read 1 a newest 1"])
    #expect(
      desk.read(1, "a", .success(read(at(5), [5]))) == ["1: subscribed a #2 at e1/4 not recovered", "1: replay [m5]"])
  }

  @Test func historyComesBeforePresence() {
    var desk = HubTests.desk()
    desk.open(0, user: "alice")
    _ = desk.subscribe(0, "a", .member, since: .position(at(3)), id: 1)
    #expect(desk.attached("a") == ["read 0 a since e1/3"])
    _ = desk.deliver("m5", of: "a", .message(at(5)))
    #expect(desk.read(0, "a", .success(read(at(4), [4]))) == ["enter 0 a member c-0 alice -"])
    _ = desk.deliver("m6", of: "a", .message(at(6)))
    #expect(
      desk.entered(0, "a", roster("alice")) == [
        "0: subscribed a #1 at e1/3 recovered [alice]", "0: replay [m4]", "0: 'm5'", "0: 'm6'",
      ])
  }

  @Test func aHistoryThatCannotBeReadRefusesTheSubscribe() {
    var desk = HubTests.desk()
    desk.open(0)
    _ = desk.subscribe(0, "a", id: 1)
    _ = desk.attached("a")
    #expect(
      desk.read(0, "a", .failure(Refusal(.unavailable, "Not now."))) == ["0: error unavailable #1", "detach a"])
  }

  @Test func whoListensLosesNothingByAskingAgain() {
    var desk = HubTests.desk()
    desk.open(0)
    _ = desk.subscribe(0, "a", id: 1)
    _ = desk.attached("a")
    _ = desk.read(0, "a", .success(read(at(5))))
    #expect(desk.subscribe(0, "a", since: .position(at(1)), id: 2) == ["read 0 a position"], "since counts once")
    _ = desk.deliver("m6", of: "a", .message(at(6)))
    #expect(
      desk.read(0, "a", .success(read(at(6)))) == ["0: subscribed a #2 at e1/5", "0: 'm6'"], "it had not come yet")
  }

  @Test func eventsOfAnOlderEpochAreOver() {
    var desk = HubTests.desk()
    desk.open(0)
    _ = desk.subscribe(0, "a", id: 1)
    _ = desk.attached("a")
    _ = desk.deliver("old", of: "a", .message(at(9)))
    _ = desk.deliver("m3", of: "a", .message(at(3, "e2")))
    #expect(
      desk.read(0, "a", .success(read(at(2, "e2")))) == ["0: subscribed a #1 at e2/2", "0: 'm3'"])
  }

  @Test func eventsOfANewerEpochComeBehindTheirGap() {
    var desk = HubTests.desk()
    desk.open(0)
    _ = desk.subscribe(0, "a", id: 1)
    _ = desk.attached("a")
    _ = desk.deliver("m2", of: "a", .message(at(2)))
    _ = desk.deliver("gap", of: "a", .gap(at(0, "e2")))
    _ = desk.deliver("n1", of: "a", .message(at(1, "e2")))
    #expect(
      desk.read(0, "a", .success(read(at(2)))) == ["0: subscribed a #1 at e1/2", "0: 'gap'", "0: 'n1'"])
  }

  @Test func theHistoryIsToldInItsTurn() {
    var desk = HubTests.desk()
    desk.open(0)
    _ = desk.subscribe(0, "a", id: 1)
    desk.hub.history(Desk.id(0), of: channel("a"), since: nil, limit: 5, request: RequestID(json: "2"))
    #expect(desk.lines() == [])
    _ = desk.attached("a")
    #expect(
      desk.read(0, "a", .success(read(at(5)))) == ["0: subscribed a #1 at e1/5", "read 0 a newest 5 #2"])
    #expect(
      desk.answered(0, .success(.history(channel("a"), read(at(5), [4, 5]))), id: 2)
        == ["0: history a #2 e1/5 [m4, m5]"])
  }

  @Test func aChannelWithoutHistoryHasNone() {
    var desk = Desk()
    desk.open(0)
    desk.hub.history(Desk.id(0), of: channel("a"), since: nil, limit: 5, request: RequestID(json: "1"))
    #expect(desk.lines() == ["0: error forbidden #1"])
    #expect(desk.subscribe(0, "a", since: .time(5), id: 2) == ["attach a"])
    #expect(desk.attached("a") == ["0: subscribed a #2"])
  }

  @Test func aMessageThatIsKeptIsADraft() {
    var desk = HubTests.desk()
    desk.open(0)
    desk.hub.publish(Desk.id(0), to: channel("a"), echo: true, key: "k", request: nil) { context in
      #expect(context.isDraft && context.keepsHistory)
      return .draft(head: Array("x".utf8), tail: [])
    }
    #expect(desk.lines() == ["publish 0 a 'x…'"])
  }

  @Test func signalsAreNeverKept() {
    var desk = HubTests.desk()
    desk.open(0)
    desk.hub.publish(
      Desk.id(0), to: channel("a"), kind: .signal, echo: false, request: RequestID(json: "1")
    ) { context in
      #expect(!context.isDraft)
      return .finished(EventText(text: "typing"))
    }
    #expect(desk.lines() == ["signal 0 a #1 'typing' without c-0"])
    let answer = Answer.published(channel("a"), .signal, PublishReceipt())
    #expect(desk.answered(0, .success(answer), id: 1) == ["0: signalled a #1"])
  }

  @Test func aKeyIsOfAUserOrOfAConnection() {
    var desk = HubTests.desk()
    desk.open(0)
    desk.open(1, user: "c-0")
    let publishers: [IdempotencyKey.Publisher?] = ([0, 1] as [UInt32]).map { slot in
      desk.hub.publish(Desk.id(slot), to: channel("a"), echo: true, key: "k", request: nil) { _ in
        .draft(head: [], tail: [])
      }
      guard case .ask(_, .publish(let publication))? = desk.actions().first else { return nil }
      return publication.key?.publisher
    }
    #expect(publishers == [.anonymous(ClientID("c-0")), .user(user("c-0"))])
  }
}
