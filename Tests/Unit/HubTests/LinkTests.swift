import Cluster
import Hub
import Model
import Testing

/// The link to the broker comes and goes.
@Suite struct LinkTests {
  @Test func aLostLinkLeavesEverythingAsItIs() {
    var desk = Desk()
    desk.open(0, 1)
    desk.subscribed(0, "room", .member)
    _ = desk.subscribe(1, "other", id: 1)
    #expect(desk.link(.lost) == [])
    #expect(desk.deliver("hi", of: "room") == [0])
    #expect(desk.deliver("join", to: .watchers, of: "room") == [0])
    #expect(desk.link(.up) == [])
    #expect(desk.attached("other") == ["1: subscribed other #1"])
    #expect(desk.attached("room") == [], "who was answered is not answered again")
    #expect(desk.deliver("hi", of: "room") == [0])
  }

  /// The link for commands alone may be lost: what is subscribed stays so, and nobody will confirm it anew.
  @Test func aLostLinkKeepsWhatIsConfirmed() {
    for state in [LinkState.lost, .down] {
      var desk = Desk()
      desk.open(0, 1)
      desk.subscribed(0, "room")
      #expect(desk.link(state) == [])
      #expect(desk.subscribe(1, "room", id: 1) == ["1: subscribed room #1"])
    }
  }

  /// The other way round: the subscriptions may go while the link is said to be in any state.
  @Test func lostSubscriptionsAreConfirmedAnew() {
    for state in [LinkState.up, .lost] {
      var desk = Desk()
      desk.open(0, 1)
      desk.subscribed(0, "room")
      _ = desk.link(state)
      #expect(desk.subscriptionsLost() == [])
      #expect(desk.subscribe(1, "room", id: 1) == [])
      #expect(desk.deliver("hi", of: "room") == [0])
      #expect(desk.attached("room") == ["1: subscribed room #1"])
    }
  }

  @Test func whileSubscriptionsAreLostSubscribersWait() {
    var desk = Desk()
    desk.open(0, 1)
    desk.subscribed(0, "room")
    _ = desk.link(.lost)
    _ = desk.subscriptionsLost()
    #expect(desk.subscribe(1, "room", id: 1) == [], "the channel is confirmed no more")
    #expect(desk.subscribe(1, "new", id: 2) == ["attach new"])
    #expect(desk.deliver("hi", of: "room") == [0])
    _ = desk.link(.up)
    #expect(desk.attached("room") == ["1: subscribed room #1"])
    #expect(desk.attached("new") == ["1: subscribed new #2"])
  }

  /// `room:1` is in the first of two keyspaces, `room:2` in the second.
  @Test func eachKeyspaceIsByItself() {
    var desk = Desk(keyspaces: KeyspaceMap(count: 2))
    desk.open(0, 1)
    for name in ["room:1", "room:2"] { desk.subscribed(0, name) }
    _ = desk.link(.lost, with: 1)
    #expect(desk.subscriptionsLost(in: 1) == [])
    #expect(desk.subscribe(1, "room:1", id: 1) == ["1: subscribed room:1 #1"])
    #expect(desk.subscribe(1, "room:2", id: 2) == [], "it is confirmed no more")
    #expect(desk.link(.down, with: 1) == ["1: error unavailable #2"])
    #expect(desk.subscribe(1, "room:2", id: 3) == ["1: error unavailable #3"])
    #expect(desk.unsubscribe(1, "room:1", id: 4) == ["1: unsubscribed room:1 #4"])
    #expect(desk.subscribe(1, "room:1", id: 5) == ["1: subscribed room:1 #5"])
    _ = desk.link(.up, with: 1)
    #expect(desk.subscribe(1, "room:2", id: 6) == [])
    #expect(desk.attached("room:2") == ["1: subscribed room:2 #6"])
  }

  @Test func downFailsWhatWaitsOnce() {
    var desk = Desk()
    desk.open(0, 1)
    _ = desk.subscribe(0, "a", id: 1)
    _ = desk.link(.lost)
    _ = desk.subscribe(0, "b", .member, id: 2)
    _ = desk.subscribe(1, "b", id: 3)
    let lines = desk.link(.down)
    #expect(
      Set(lines) == [
        "0: error unavailable #1", "detach a", "0: error unavailable #2", "1: error unavailable #3", "detach b",
      ])
    #expect(lines.count == 5)
    #expect(desk.hub.channelCount == 0)
    #expect(desk.hub.subscriptionCount == 0)
    #expect(desk.link(.down) == [], "they have been told")
    #expect(desk.link(.up) == [])
    #expect(desk.attached("a") + desk.attached("b") == [], "and are not answered after all")
  }

  @Test func downLeavesLiveSubscriptionsAlone() {
    var desk = Desk()
    desk.open(0, 1)
    desk.subscribed(0, "room", .member)
    _ = desk.link(.lost)
    _ = desk.subscriptionsLost()
    _ = desk.subscribe(1, "room", id: 1)
    #expect(desk.link(.down) == ["1: error unavailable #1"])
    #expect(desk.deliver("hi", of: "room") == [0])
    _ = desk.link(.up)
    #expect(desk.attached("room") == [])
    #expect(desk.deliver("hi", of: "room") == [0])
    #expect(desk.close(0) == ["leave c-0 room lost", "detach room"])
  }

  @Test func whileTheLinkIsDownSubscribesAreRefusedAtOnce() {
    var desk = Desk()
    desk.open(0, 1)
    desk.subscribed(0, "room")
    _ = desk.link(.lost)
    _ = desk.subscriptionsLost()
    _ = desk.link(.down)
    #expect(desk.subscribe(1, "new", id: 1) == ["1: error unavailable #1"])
    #expect(desk.subscribe(1, "room", id: 2) == ["1: error unavailable #2"])
    #expect(desk.subscribe(1, "new") == ["1: error unavailable in new"], "without an id its channel tells which it was")
    #expect(desk.hub.channelCount == 1, "a refused subscribe leaves no channel behind")
    #expect(desk.unsubscribe(0, "room", id: 3) == ["detach room", "0: unsubscribed room #3"])
  }

  /// A change of mode needs the broker as much as a first subscribe does.
  @Test func whileTheLinkIsDownAChangeOfModeIsRefusedAtOnce() {
    var desk = Desk()
    desk.open(0)
    desk.subscribed(0, "room")
    _ = desk.link(.lost)
    _ = desk.subscriptionsLost()
    _ = desk.link(.down)
    #expect(desk.subscribe(0, "room", .member, id: 1).contains("0: error unavailable #1"))
    #expect(desk.deliver("hi", of: "room") == [0])
  }

  @Test func downFailsAPendingChangeOfModeAndPutsItBack() {
    var desk = Desk()
    desk.open(0)
    desk.subscribed(0, "room", .watch)
    _ = desk.link(.lost)
    _ = desk.subscriptionsLost()
    #expect(desk.subscribe(0, "room", .none, id: 1) == [])
    #expect(desk.deliver("join", to: .watchers, of: "room") == [0], "nothing has changed yet")
    #expect(desk.link(.down) == ["0: error unavailable #1"])
    #expect(desk.deliver("join", to: .watchers, of: "room") == [0])
    #expect(desk.deliver("hi", of: "room") == [0])
  }

  @Test func aPendingChangeOfModeSurvivesALostLink() {
    var desk = Desk()
    desk.open(0)
    desk.subscribed(0, "room", .member)
    _ = desk.link(.lost)
    _ = desk.subscriptionsLost()
    #expect(desk.subscribe(0, "room", .none, id: 1) == [])
    _ = desk.link(.up)
    #expect(desk.attached("room") == ["leave c-0 room", "0: subscribed room #1"])
  }

  @Test func commandsBehindAFailedSubscribeRun() {
    var desk = Desk()
    desk.open(0)
    _ = desk.subscribe(0, "room", id: 1)
    _ = desk.publish(0, "room", "x", id: 2)
    _ = desk.subscribe(0, "room", id: 3)
    _ = desk.link(.lost)
    #expect(
      desk.link(.down) == [
        "0: error unavailable #1", "detach room", "publish 0 room #2 'x'", "0: error unavailable #3",
      ])
  }

  @Test func anAnswerThatIsOnItsWayIsWaitedFor() {
    var desk = Desk()
    desk.open(0)
    _ = desk.subscribe(0, "room", .member, id: 1)
    _ = desk.attached("room")
    #expect(desk.link(.lost) == [])
    #expect(desk.link(.down) == [], "the broker itself answers what it was asked")
    #expect(desk.notEntered(0, "room", .timeout) == ["0: error timeout #1", "leave c-0 room", "detach room"])
  }

  @Test func anotherConfirmationDoesNotEnterTwice() {
    var desk = Desk()
    desk.open(0)
    _ = desk.subscribe(0, "room", .member, id: 1)
    _ = desk.attached("room")
    _ = desk.link(.lost)
    _ = desk.subscriptionsLost()
    _ = desk.link(.up)
    #expect(desk.attached("room") == [])
    #expect(desk.entered(0, "room", roster()) == ["0: subscribed room #1 []"])
  }
}
