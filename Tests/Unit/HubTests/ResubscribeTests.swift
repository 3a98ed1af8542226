import Hub
import Model
import Testing

/// A subscribe to a channel one is in already changes how one takes part.
@Suite struct ResubscribeTests {
  @Test func aListenerBecomesAMember() {
    var desk = Desk()
    desk.open(0)
    desk.subscribed(0, "room")
    #expect(desk.subscribe(0, "room", .member, info: "1", id: 1) == ["enter 0 room member c-0 - 1"])
    #expect(desk.entered(0, "room", roster("bob")) == ["0: subscribed room #1 [bob]"])
    #expect(desk.deliver("join", to: .watchers, of: "room") == [0])
    #expect(desk.hub.subscriptionCount == 1)
  }

  @Test func aMemberBecomesAListener() {
    var desk = Desk()
    desk.open(0)
    desk.subscribed(0, "room", .member)
    #expect(desk.subscribe(0, "room", .none, id: 1) == ["leave c-0 room", "0: subscribed room #1"])
    #expect(desk.deliver("join", to: .watchers, of: "room").isEmpty)
    #expect(desk.deliver("hi", of: "room") == [0])
    #expect(desk.unsubscribe(0, "room") == ["detach room", "0: unsubscribed room"], "it has left once")
  }

  @Test func aMemberBecomesAWatcher() {
    var desk = Desk()
    desk.open(0)
    desk.subscribed(0, "room", .member)
    #expect(desk.subscribe(0, "room", .watch, id: 1) == ["enter 0 room watch c-0 - -"])
    #expect(desk.entered(0, "room", roster("bob")) == ["leave c-0 room", "0: subscribed room #1 [bob]"])
    #expect(desk.deliver("join", to: .watchers, of: "room") == [0])
    #expect(desk.close(0) == ["detach room"])
  }

  @Test func aMemberChangesItsInfo() {
    var desk = Desk()
    desk.open(0, user: "alice")
    desk.subscribed(0, "room", .member)
    #expect(desk.subscribe(0, "room", .member, info: "2", id: 1) == ["enter 0 room member c-0 alice 2"])
    #expect(desk.entered(0, "room", roster("alice")) == ["0: subscribed room #1 [alice]"])
    #expect(desk.close(0) == ["leave c-0 room lost", "detach room"])
  }

  @Test func eventsAreHeldWhileTheRosterIsRead() {
    var desk = Desk()
    desk.open(0)
    desk.subscribed(0, "room")
    _ = desk.subscribe(0, "room", .watch, id: 1)
    #expect(desk.deliver("m1", of: "room").isEmpty)
    #expect(desk.deliver("join", to: .watchers, of: "room").isEmpty)
    #expect(desk.entered(0, "room", roster()) == ["0: subscribed room #1 []", "0: 'm1'", "0: 'join'"])
  }

  // MARK: Failure

  @Test func aListenerThatCannotEnterStaysAListener() {
    var desk = Desk()
    desk.open(0)
    desk.subscribed(0, "room")
    _ = desk.subscribe(0, "room", .member, id: 1)
    _ = desk.deliver("m1", of: "room")
    #expect(desk.notEntered(0, "room") == ["0: error unavailable #1", "leave c-0 room", "0: 'm1'"])
    #expect(desk.deliver("m2", of: "room") == [0])
    #expect(desk.deliver("join", to: .watchers, of: "room").isEmpty)
    #expect(desk.close(0) == ["detach room"])
  }

  @Test func aWatcherThatCannotEnterStaysAWatcher() {
    var desk = Desk()
    desk.open(0)
    desk.subscribed(0, "room", .watch)
    _ = desk.subscribe(0, "room", .member, id: 1)
    #expect(desk.notEntered(0, "room") == ["0: error unavailable #1", "leave c-0 room"])
    #expect(desk.deliver("join", to: .watchers, of: "room") == [0])
    #expect(desk.close(0) == ["detach room"])
  }

  @Test(arguments: [PresenceMode.member, .watch])
  func aMemberThatCannotChangeStaysAMember(_ options: PresenceMode) {
    var desk = Desk()
    desk.open(0)
    desk.subscribed(0, "room", .member)
    _ = desk.subscribe(0, "room", options, id: 1)
    #expect(desk.notEntered(0, "room") == ["0: error unavailable #1"])
    #expect(desk.deliver("join", to: .watchers, of: "room") == [0])
    #expect(desk.close(0) == ["leave c-0 room lost", "detach room"])
  }

  @Test func aPlainListenerWhoseChangeFailsIsToldOfNobody() {
    var desk = Desk()
    desk.open(0)
    desk.subscribed(0, "room")
    _ = desk.subscribe(0, "room", .watch, id: 1)
    _ = desk.deliver("join", to: .watchers, of: "room")
    _ = desk.deliver("hi", of: "room")
    #expect(desk.notEntered(0, "room") == ["0: error unavailable #1", "0: 'hi'"])
  }

  /// Who was a listener before stays one, so nothing may be missing: neither what was held nor what did not fit.
  @Test func whatDoesNotFitIsNotLostForAListener() {
    var desk = Desk()
    desk.open(0)
    desk.subscribed(0, "room")
    _ = desk.subscribe(0, "room", .watch, id: 1)
    let large = String(repeating: "x", count: 1_000_000)
    _ = desk.deliver(large, of: "room")
    let tooMuch = String(repeating: "y", count: 100_000)
    let now = desk.deliver(tooMuch, of: "room")
    let later = desk.lines()
    #expect(later.prefix(2) == ["0: error unavailable #1", "0: '\(large)'"])
    // Either way is in order, as long as it comes exactly once.
    let arrivals = now.count + later.count(where: { $0 == "0: '\(tooMuch)'" })
    #expect(arrivals == 1, "the message that did not fit")
    #expect(desk.deliver("next", of: "room") == [0])
  }
}
