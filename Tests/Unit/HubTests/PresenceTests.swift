import Cluster
@testable import Hub
import Model
import TestSupport
import Testing

@Suite struct PresenceTests {
  @Test func aMemberEntersAfterTheConfirmationAndIsAnsweredWithTheRoster() {
    var desk = Desk()
    desk.open(0, user: "alice")
    #expect(desk.subscribe(0, "room", .member, info: "{\"x\":1}", id: 1) == ["attach room"])
    #expect(desk.attached("room") == ["enter 0 room member c-0 alice {\"x\":1}"])
    #expect(desk.entered(0, "room", roster("alice", "bob")) == ["0: subscribed room #1 [alice, bob]"])
    #expect(desk.entered(0, "room", roster("alice")) == [], "an answer too many is ignored")
  }

  @Test func aWatcherReadsTheRosterAndIsNoMember() {
    var desk = Desk()
    desk.open(0)
    _ = desk.subscribe(0, "room", .watch, id: 1)
    #expect(desk.attached("room") == ["enter 0 room watch c-0 - -"])
    #expect(desk.entered(0, "room", roster("bob")) == ["0: subscribed room #1 [bob]"])
    #expect(desk.unsubscribe(0, "room", id: 2) == ["detach room", "0: unsubscribed room #2"])
  }

  @Test func inAConfirmedChannelOneEntersAtOnce() {
    var desk = Desk()
    desk.open(0, 1)
    desk.subscribed(0, "room")
    #expect(desk.subscribe(1, "room", .member, id: 1) == ["enter 1 room member c-1 - -"])
    #expect(desk.entered(1, "room", roster()) == ["1: subscribed room #1 []"])
  }

  @Test func leavingEndsTheMembershipAtOnce() {
    var desk = Desk()
    desk.open(0)
    desk.subscribed(0, "room", .member)
    #expect(desk.unsubscribe(0, "room", id: 1) == ["leave c-0 room", "detach room", "0: unsubscribed room #1"])
  }

  @Test func whoCannotEnterIsNotSubscribed() {
    var desk = Desk()
    desk.open(0, 1)
    desk.subscribed(1, "room")
    _ = desk.subscribe(0, "room", .member, id: 1)
    #expect(desk.notEntered(0, "room", .timeout) == ["0: error timeout #1", "leave c-0 room"])
    #expect(desk.deliver("hi", of: "room") == [1])
    #expect(desk.hub.subscriptionCount == 1)
  }

  // MARK: Events between the question and the answer

  @Test func eventsAreHeldUntilTheAnswerAndThenComeInOrder() {
    var desk = Desk()
    desk.open(0, 1)
    desk.subscribed(1, "room", .watch)
    _ = desk.subscribe(0, "room", .member, id: 1)
    #expect(desk.deliver("m1", of: "room") == [1])
    #expect(desk.deliver("join", to: .watchers, of: "room") == [1])
    #expect(desk.deliver("m2", of: "room") == [1])
    #expect(
      desk.entered(0, "room", roster("bob")) == ["0: subscribed room #1 [bob]", "0: 'm1'", "0: 'join'", "0: 'm2'"])
    #expect(desk.deliver("m3", of: "room") == [0, 1])
    #expect(desk.deliver("leave", to: .watchers, of: "room") == [0, 1])
  }

  @Test func whatWasHeldComesBeforeWhatWaited() {
    var desk = Desk()
    desk.open(0)
    _ = desk.subscribe(0, "room", .member, id: 1)
    _ = desk.attached("room")
    _ = desk.publish(0, "room", "own", id: 2)
    _ = desk.deliver("m1", of: "room")
    #expect(
      desk.entered(0, "room", roster()) == ["0: subscribed room #1 []", "0: 'm1'", "publish 0 room #2 'own'"])
  }

  @Test func theExcludedPublisherIsNotHeldFor() {
    var desk = Desk()
    desk.open(0)
    _ = desk.subscribe(0, "room", .member, id: 1)
    _ = desk.attached("room")
    _ = desk.deliver("own", of: "room", without: "c-0")
    _ = desk.deliver("other", of: "room", without: "c-1")
    #expect(desk.entered(0, "room", roster()) == ["0: subscribed room #1 []", "0: 'other'"])
  }

  @Test func eachOfSeveralThatEnterHasItsOwnBacklog() {
    var desk = Desk()
    desk.open(0, 1)
    _ = desk.subscribe(0, "room", .member, id: 1)
    _ = desk.attached("room")
    _ = desk.deliver("m1", of: "room")
    _ = desk.subscribe(1, "room", .watch, id: 2)
    _ = desk.deliver("m2", of: "room")
    #expect(desk.entered(0, "room", roster()) == ["0: subscribed room #1 []", "0: 'm1'", "0: 'm2'"])
    #expect(desk.deliver("m3", of: "room") == [0], "the other still waits")
    #expect(desk.entered(1, "room", roster()) == ["1: subscribed room #2 []", "1: 'm2'", "1: 'm3'"])
    #expect(desk.deliver("m4", of: "room") == [0, 1])
  }

  /// The first request was given up by then; what came between the two answers would be missing from the older roster.
  @Test func theAnswerToAnEarlierRequestIsNone() {
    var desk = Desk()
    desk.open(0)
    _ = desk.subscribe(0, "room", .watch, id: 1)
    _ = desk.attached("room")
    let large = String(repeating: "x", count: (1 << 20) + 1)
    _ = desk.deliver(large, of: "room")
    #expect(desk.lines() == ["0: error unavailable #1", "detach room"])
    _ = desk.subscribe(0, "room", .watch, id: 2)
    _ = desk.attached("room")
    #expect(desk.entered(0, "room", roster(), before: 1) == [])
    #expect(desk.entered(0, "room", roster()) == ["0: subscribed room #2 []"])
  }

  @Test func eventsThatAreTooManyToBeHeldEndTheSubscribe() {
    var desk = Desk()
    desk.open(0, 1)
    desk.subscribed(1, "room")
    _ = desk.subscribe(0, "room", .member, id: 1)
    _ = desk.publish(0, "room", "own", id: 2)
    let quarter = String(repeating: "x", count: 1 << 18)
    for _ in 0..<4 { #expect(desk.deliver(quarter, of: "room") == [1]) }
    #expect(desk.lines() == [], "a whole mebibyte is held, headers included")
    #expect(desk.deliver("y", of: "room") == [1])
    #expect(desk.lines() == ["0: error unavailable #1", "leave c-0 room", "publish 0 room #2 'own'"])
    #expect(desk.deliver("z", of: "room") == [1])
    #expect(desk.lines() == [])
    #expect(desk.entered(0, "room", roster()) == [], "the answer comes too late")
  }

  @Test func oneThatRunsOverDoesNotDisturbAnother() {
    var desk = Desk()
    desk.open(0, 1)
    _ = desk.subscribe(0, "room", .watch, id: 1)
    _ = desk.attached("room")
    let half = String(repeating: "x", count: (1 << 19) + 1)
    _ = desk.deliver(half, of: "room")
    _ = desk.subscribe(1, "room", .watch, id: 2)
    _ = desk.deliver(half, of: "room")
    #expect(desk.lines() == ["0: error unavailable #1"])
    #expect(desk.entered(1, "room", roster()) == ["1: subscribed room #2 []", "1: '\(half)'"])
  }

  /// Holding is the slow way; it must end with the last that waits, however its waiting ends.
  @Test func holdingEndsWithTheLastThatWaits() throws {
    var desk = Desk()
    desk.open(0, 1, 2, 3, 4)
    desk.subscribed(4, "room")
    let room = try #require(desk.hub.channels.index(of: channel("room")))
    for slot in UInt32(0)...3 { _ = desk.subscribe(slot, "room", .watch) }
    #expect(desk.hub.channels[room].buffering == 4)
    _ = desk.entered(0, "room", roster())
    _ = desk.notEntered(1, "room")
    _ = desk.close(2)
    #expect(desk.hub.channels[room].buffering == 1)
    _ = desk.deliver(String(repeating: "x", count: (1 << 20) + 1), of: "room")
    #expect(desk.hub.channels[room].buffering == 0, "the last has run over")
  }

  // MARK: Who is told what

  @Test func presenceGoesToThoseWhoWatch() {
    var desk = Desk()
    desk.open(0, 1, 2)
    desk.subscribed(0, "room")
    desk.subscribed(1, "room", .watch)
    desk.subscribed(2, "room", .member)
    #expect(desk.deliver("join", to: .watchers, of: "room") == [1, 2])
    #expect(desk.deliver("hi", to: .listeners, of: "room") == [0, 1, 2])
  }

  // MARK: The presence command

  @Test func theAnswerGoesToWhoAsked() {
    var desk = Desk()
    desk.open(0, 1)
    #expect(desk.presence(0, "room", id: 1) == ["query 0 room #1"])
    #expect(
      desk.answered(0, .success(.presence(channel("room"), roster("alice"))), id: 1)
        == ["0: presence room #1 [alice]"])
    let many = Roster(members: nil, count: 7)
    #expect(desk.answered(1, .success(.presence(channel("room"), many))) == ["1: presence room (7)"])
    #expect(desk.answered(0, .failure(Refusal(.timeout, "No answer.")), id: 2) == ["0: error timeout #2"])
  }
}
