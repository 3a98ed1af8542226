import Cluster
import Hub
import Model
import TestSupport
import Testing

@Suite struct SessionTests {
  @Test func knowsWhoPublishes() throws {
    var desk = Desk()
    desk.open(0, user: "alice")
    desk.open(3)
    let sender = try #require(desk.hub.sender(Desk.id(0)))
    #expect(sender.client == ClientID("c-0"))
    #expect(sender.user == user("alice"))
    #expect(try #require(desk.hub.sender(Desk.id(3))).user == nil)
    #expect(desk.hub.sender(Desk.id(1)) == nil, "a slot between that was never used")
    #expect(desk.hub.sender(Desk.id(99)) == nil)
    #expect(desk.hub.sessionCount == 2)
  }

  // MARK: Publishing

  @Test func theBrokersAnswerGoesToThePublisher() {
    var desk = Desk()
    desk.open(0)
    let answer = Answer.published(channel("room"), .message, PublishReceipt())
    #expect(desk.answered(0, .success(answer), id: 1) == ["0: published room #1"])
    #expect(desk.answered(0, .success(answer)) == [], "success without an id is not told")
    #expect(desk.answered(0, .failure(Refusal(.timeout, "No answer."))) == ["0: error timeout"], "failure is")
    #expect(desk.answered(0, .failure(Refusal(.unavailable, "No link.")), id: 2) == ["0: error unavailable #2"])
  }

  // MARK: Closing

  @Test func aClosedConnectionLeavesEverything() {
    var desk = Desk()
    desk.open(0, 1)
    desk.subscribed(0, "a", .member)
    desk.subscribed(0, "b")
    desk.subscribed(0, "c", .watch)
    desk.subscribed(1, "c", .member)
    #expect(Set(desk.close(0)) == ["leave c-0 a lost", "detach a", "detach b"])
    #expect(desk.hub.sessionCount == 1)
    #expect(desk.hub.channelCount == 1)
    #expect(desk.hub.subscriptionCount == 1)
    #expect(desk.deliver("hi", of: "c") == [1])
    #expect(desk.deliver("leave", to: .watchers, of: "c") == [1])
    #expect(desk.close(0) == [], "it has gone already")
    #expect(desk.hub.sessionCount == 1)
  }

  @Test func aConnectionClosedWhileItAttachesIsNotAnswered() {
    var desk = Desk()
    desk.open(0, 1)
    _ = desk.subscribe(0, "room", .member, id: 1)
    _ = desk.publish(0, "room", "x", id: 2)
    #expect(desk.close(0) == ["publish 0 room #2 'x'", "detach room"], "never entered, never left")
    #expect(desk.attached("room") == [])
    #expect(desk.subscribe(1, "room", id: 3) == ["attach room"])
    #expect(desk.attached("room") == ["1: subscribed room #3"])
  }

  @Test func aConnectionClosedWhileItEntersIsLost() {
    var desk = Desk()
    desk.open(0, 1)
    desk.subscribed(1, "room")
    _ = desk.subscribe(0, "room", .member, id: 1)
    _ = desk.deliver("held", of: "room")
    #expect(desk.close(0) == ["leave c-0 room lost"])
    #expect(desk.entered(0, "room", roster()) == [])
    #expect(desk.deliver("hi", of: "room") == [1])
    #expect(desk.lines() == [])
  }

  @Test func aConnectionClosedDuringAChangeOfModeLeavesWhatItWas() {
    var desk = Desk()
    desk.open(0)
    desk.subscribed(0, "room", .member)
    _ = desk.subscribe(0, "room", .watch, id: 1)
    #expect(desk.close(0) == ["leave c-0 room lost", "detach room"])
  }

  // MARK: Generations

  @Test func answersForAnEarlierConnectionOfTheSlotAreIgnored() {
    var desk = Desk()
    desk.open(0)
    _ = desk.subscribe(0, "room", .member, id: 1)
    _ = desk.attached("room")
    _ = desk.close(0)
    desk.open(0, generation: 1, user: "bob")
    let new = Desk.id(0, 1)
    desk.hub.subscribe(new, to: channel("room"), SubscribeOptions(.member), request: RequestID(json: "2"))
    #expect(desk.lines() == ["attach room"])
    #expect(desk.attached("room") == ["enter 0 room member c-0 bob -"])
    #expect(desk.entered(0, "room", roster("old")) == [])
    #expect(desk.notEntered(0, "room") == [])
    #expect(desk.answered(0, .success(.published(channel("room"), .message, PublishReceipt())), id: 1) == [])
    #expect(desk.answered(0, .success(.presence(channel("room"), roster())), id: 1) == [])
    desk.hub.close(Desk.id(0), now: 0)
    #expect(desk.lines() == [])
    #expect(desk.hub.sessionCount == 1)
    #expect(desk.entered(0, "room", roster("bob"), generation: 1) == ["0: subscribed room #2 [bob]"])
  }

  @Test func commandsOfAnEarlierConnectionDoNothing() {
    var desk = Desk()
    desk.open(0, generation: 1, user: "bob")
    #expect(desk.subscribe(0, "room", id: 1) == [])
    #expect(desk.unsubscribe(0, "room", id: 2) == [])
    #expect(desk.publish(0, "room", "x", id: 3) == [])
    #expect(desk.presence(0, "room", id: 4) == [])
    #expect(desk.hub.channelCount == 0)
  }

  // MARK: Audience

  @Test func theExcludedClientIsNamedAmongTheListeners() {
    var desk = Desk()
    desk.open(0, 1, 2)
    for slot in UInt32(0)...2 { desk.subscribed(slot, "room") }
    #expect(desk.deliver("hi", of: "room", without: "c-1") == [0, 2])
    #expect(desk.deliver("hi", of: "room", without: "c-elsewhere") == [0, 1, 2])
    #expect(desk.deliver("hi", of: "nowhere", without: "c-1").isEmpty)
  }

  @Test func actionsAreTakenOnceAndInOrder() {
    var desk = Desk()
    desk.open(0)
    desk.hub.subscribe(Desk.id(0), to: channel("a"), SubscribeOptions(), request: nil)
    desk.hub.subscribe(Desk.id(0), to: channel("b"), SubscribeOptions(), request: nil)
    desk.hub.attached(channel("a"))
    #expect(desk.lines() == ["attach a", "attach b", "0: subscribed a"])
    #expect(desk.lines() == [])
  }
}
