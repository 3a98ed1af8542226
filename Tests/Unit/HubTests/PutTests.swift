import Cluster
import Hub
import Model
import TestSupport
import Testing

/// The server puts connections into channels and takes them out, whatever their rights.
@Suite struct PutTests {
  private func rule(_ pattern: String, _ change: (inout ChannelRule) -> Void = { _ in }) throws -> ChannelRule {
    var rule = ChannelRule.standard(try #require(ChannelPattern(pattern)), isOpen: true)
    change(&rule)
    return rule
  }

  /// A desk where clients may be in no channel but `open`.
  private func closedDesk(maxChannels: Int = 100) throws -> Desk {
    Desk(maxChannels: maxChannels, rules: try closed())
  }

  private func closed() throws -> ChannelRules {
    ChannelRules([try rule("open"), try rule("*") { $0.subscribe = .token }])
  }

  // MARK: Beyond rights

  @Test func aConnectionIsPutWhereItMayNotGo() throws {
    var desk = try closedDesk()
    desk.open(0, user: "alice")
    #expect(desk.subscribe(0, "room", id: 1) == ["0: error forbidden #1"])
    #expect(desk.put(0, "room") == ["attach room"])
    #expect(desk.attached("room") == ["0: subscribed by the server room"])
    #expect(desk.deliver("x", of: "room") == [0])
    #expect(desk.hub.channels(of: Desk.id(0)) == [channel("room")])
  }

  @Test func itBecomesAMemberWhereThatIsMeant() throws {
    var desk = try closedDesk()
    desk.open(0, user: "alice")
    _ = desk.put(0, "room", .member, info: "1")
    #expect(desk.attached("room") == ["enter 0 room member c-0 alice 1"])
    #expect(desk.entered(0, "room", roster("alice")) == ["0: subscribed by the server room [alice]"])
    #expect(desk.deliver("x", to: .watchers, of: "room") == [0])
    #expect(desk.close(0) == ["leave c-0 room lost", "detach room"])
  }

  @Test func whatItsTokenSaysOfItComesFirst() throws {
    var desk = try closedDesk()
    desk.open(0, Identity(user: user("alice"), info: "\"token\""))
    _ = desk.put(0, "room", .member, info: "1")
    #expect(desk.attached("room") == ["enter 0 room member c-0 alice \"token\""])
  }

  /// Only subscribing and presence go beyond them.
  @Test func whatElseItMayIsUpToItsRights() throws {
    var desk = Desk(
      rules: ChannelRules([
        try rule("room") {
          $0.publish = .server; $0.subscribe = .token
        }
      ]))
    desk.open(0, user: "alice")
    _ = desk.put(0, "room")
    _ = desk.attached("room")
    #expect(desk.publish(0, "room", "x", id: 1) == ["0: error forbidden #1"])
    #expect(desk.presence(0, "room", id: 2) == ["query 0 room #2"])
    #expect(desk.subscribe(0, "room", since: .position(at(1)), id: 3) == ["0: error forbidden #3"])
  }

  @Test func inAChannelThatKeepsHistoryItIsToldWhereThatStands() {
    for sendsLast in [false, true] {
      var desk = desk(sendsLast: sendsLast)
      desk.open(0)
      _ = desk.put(0, "room")
      #expect(desk.attached("room") == ["read 0 room \(sendsLast ? "newest 1" : "position")"])
      let lines = desk.read(0, "room", .success(read(at(3), sendsLast ? [3] : [])))
      let replay = sendsLast ? ["0: replay [m3]"] : []
      #expect(lines == ["0: subscribed by the server room at e1/\(sendsLast ? 2 : 3)"] + replay)
      #expect(desk.deliver("m4", of: "room", .message(at(4))) == [0])
    }
  }

  // MARK: Staying

  @Test func newRulesDoNotTakeItOut() throws {
    var desk = Desk()
    desk.open(0, 1)
    _ = desk.put(0, "room")
    _ = desk.attached("room")
    desk.subscribed(1, "room")
    #expect(desk.adopt(try closed()) == ["1: unsubscribed from room by the server"])
    #expect(desk.adopt(ChannelRules([])) == [])
    #expect(desk.deliver("x", of: "room") == [0])
    #expect(desk.hub.check() == nil)
  }

  @Test func newRulesDoNotTakeItOutOfThePresence() throws {
    var desk = Desk()
    desk.open(0, user: "alice")
    _ = desk.put(0, "room", .member)
    _ = desk.attached("room")
    _ = desk.entered(0, "room", roster())
    #expect(desk.adopt(ChannelRules([try rule("*") { $0.hasPresence = false }])) == [])
    #expect(desk.deliver("x", to: .watchers, of: "room") == [0])
  }

  @Test func newRulesDoNotEndAPutThatIsUnderWay() throws {
    var desk = Desk()
    desk.open(0, user: "alice")
    _ = desk.put(0, "room", .member)
    #expect(desk.adopt(try closed()) == [])
    _ = desk.attached("room")
    #expect(desk.adopt(ChannelRules([])) == [])
    #expect(desk.entered(0, "room", roster()) == ["0: subscribed by the server room []"])
  }

  @Test func aNewTokenDoesNotTakeItOut() throws {
    let grants = [Grant(try #require(ChannelPattern("room")), .subscribe)]
    let rules = ChannelRules([try rule("*") { $0.subscribe = .token }])
    var desk = Desk(rules: rules)
    desk.open(0, Identity(user: user("alice"), grants: grants))
    desk.open(1, Identity(user: user("bob"), grants: grants))
    _ = desk.put(0, "room")
    _ = desk.attached("room")
    desk.subscribed(1, "room")
    for (slot, name) in [(UInt32(0), "alice"), (1, "bob")] {
      let lines = desk.verified(slot, .success(Identity(user: user(name), grants: [])))
      #expect(lines.contains("\(slot): unsubscribed from room by the server") == (slot == 1))
    }
    #expect(desk.deliver("x", of: "room") == [0])
  }

  @Test func theClientMayRenewIt() throws {
    var desk = try closedDesk()
    desk.open(0, user: "alice")
    _ = desk.put(0, "room")
    _ = desk.attached("room")
    #expect(desk.subscribe(0, "room", .member, id: 1) == ["enter 0 room member c-0 alice -"])
    #expect(desk.entered(0, "room", roster("alice")) == ["0: subscribed room #1 [alice]"])
    #expect(desk.subscribe(0, "room", id: 2) == ["leave c-0 room", "0: subscribed room #2"])
    #expect(desk.adopt(try closed()) == [], "it is there by the server all the same")
  }

  @Test func theClientMayLeaveAndNotComeBack() throws {
    var desk = try closedDesk()
    desk.open(0, user: "alice")
    _ = desk.put(0, "room")
    _ = desk.attached("room")
    #expect(desk.unsubscribe(0, "room", id: 1) == ["detach room", "0: unsubscribed room #1"])
    #expect(desk.subscribe(0, "room", id: 2) == ["0: error forbidden #2"])
    #expect(desk.put(0, "room") == ["attach room"], "the server may")
  }

  @Test func whoIsInAChannelIsThereByTheServerFromThenOn() throws {
    var desk = Desk()
    desk.open(0)
    desk.subscribed(0, "room")
    #expect(desk.put(0, "room") == ["0: subscribed by the server room"])
    #expect(desk.hub.subscriptionCount == 1)
    #expect(desk.adopt(try closed()) == [])
    #expect(desk.deliver("x", of: "room") == [0])
  }

  // MARK: Presence

  @Test func aMemberStaysOne() {
    var desk = Desk()
    desk.open(0, user: "alice")
    desk.subscribed(0, "room", .member)
    let lines = desk.put(0, "room") + desk.entered(0, "room", roster("alice"))
    #expect(!lines.contains { $0.hasPrefix("leave") })
    #expect(desk.deliver("x", to: .watchers, of: "room") == [0])
    #expect(desk.close(0) == ["leave c-0 room lost", "detach room"])
  }

  @Test func aMemberKeepsWhatItShowsOfItself() {
    var desk = Desk()
    desk.open(0, user: "alice")
    _ = desk.subscribe(0, "room", .member, info: "1")
    _ = desk.attached("room")
    _ = desk.entered(0, "room", roster("alice"))
    #expect(desk.put(0, "room") == ["0: subscribed by the server room"], "nothing is entered anew")
    #expect(desk.put(0, "room", .member) == ["0: subscribed by the server room"])
    #expect(desk.put(0, "room", .member, info: "2") == ["enter 0 room member c-0 alice 2"])
  }

  @Test func aWatcherStaysOneOrBecomesAMember() {
    var desk = Desk()
    desk.open(0)
    desk.subscribed(0, "room", .watch)
    _ = desk.put(0, "room")
    _ = desk.entered(0, "room", roster())
    #expect(desk.deliver("x", to: .watchers, of: "room") == [0])
    #expect(desk.put(0, "room", .member) == ["enter 0 room member c-0 - -"])
    #expect(desk.entered(0, "room", roster()) == ["0: subscribed by the server room []"])
    #expect(desk.close(0) == ["leave c-0 room lost", "detach room"])
  }

  @Test func aListenerMissesNothingWhileItIsMadeAMember() {
    var desk = Desk()
    desk.open(0)
    desk.subscribed(0, "room")
    #expect(desk.put(0, "room", .member) == ["enter 0 room member c-0 - -"])
    #expect(desk.deliver("m", of: "room") == [], "it is held")
    #expect(desk.entered(0, "room", roster()) == ["0: subscribed by the server room []", "0: 'm'"])
  }

  // MARK: In its turn

  @Test func aPutWaitsBehindASubscribe() {
    var desk = Desk()
    desk.open(0)
    _ = desk.subscribe(0, "room", id: 1)
    #expect(desk.put(0, "room", .member) == [])
    #expect(desk.publish(0, "room", "x", id: 2) == [])
    #expect(desk.attached("room") == ["0: subscribed room #1", "enter 0 room member c-0 - -"])
    #expect(desk.entered(0, "room", roster()) == ["0: subscribed by the server room []", "publish 0 room #2 'x'"])
  }

  @Test func commandsWaitBehindAPut() {
    var desk = Desk()
    desk.open(0)
    _ = desk.put(0, "room")
    #expect(desk.publish(0, "room", "x", id: 1) == [])
    #expect(desk.unsubscribe(0, "room", id: 2) == [])
    #expect(
      desk.attached("room") == [
        "0: subscribed by the server room", "publish 0 room #1 'x'", "detach room", "0: unsubscribed room #2",
      ])
  }

  @Test func aPutBehindARefusedSubscribeIsDoneAllTheSame() throws {
    var desk = Desk()
    desk.open(0)
    _ = desk.subscribe(0, "room", id: 1)
    _ = desk.put(0, "room")
    #expect(desk.adopt(try closed()) == ["0: error forbidden #1", "detach room", "attach room"])
    #expect(desk.attached("room") == ["0: subscribed by the server room"])
  }

  @Test func aTakeWaitsBehindASubscribeAndAPut() {
    for isPut in [false, true] {
      var desk = Desk()
      desk.open(0)
      _ = isPut ? desk.put(0, "room") : desk.subscribe(0, "room", id: 1)
      #expect(desk.take(0, "room") == [])
      let first = isPut ? "0: subscribed by the server room" : "0: subscribed room #1"
      #expect(desk.attached("room") == [first, "detach room", "0: unsubscribed from room by the server"])
      #expect(desk.hub.subscriptionCount == 0)
    }
  }

  @Test func whatTheServerDoesWaitsHoweverMuchDoes() {
    var desk = Desk()
    desk.open(0)
    _ = desk.subscribe(0, "room", id: 0)
    for id in 1...256 { _ = desk.publish(0, "room", "x", id: id) }
    #expect(desk.publish(0, "room", "x", id: 257) == ["0: error rate_limited #257 retry after 1000"])
    #expect(desk.put(0, "room") == [])
    #expect(desk.take(0, "room") == [])
    #expect(
      desk.attached("room").suffix(3) == [
        "0: subscribed by the server room", "detach room", "0: unsubscribed from room by the server",
      ])
  }

  @Test func whoGoesMeanwhileIsPutNowhere() {
    var desk = Desk()
    desk.open(0)
    _ = desk.subscribe(0, "room")
    _ = desk.put(0, "room")
    #expect(desk.close(0) == ["detach room"])
    #expect(desk.attached("room") == [])
    #expect(desk.put(0, "room") == ["not put"])
    #expect(desk.take(0, "room") == ["not taken"])
    #expect(desk.hub.channelCount == 0)
  }

  // MARK: What cannot be

  @Test func nobodyIsInTooManyChannels() {
    var desk = Desk(maxChannels: 2)
    desk.open(0)
    desk.subscribed(0, "a")
    #expect(desk.put(0, "b") == ["attach b"], "it counts from here on")
    #expect(desk.put(0, "c") == ["not put"])
    #expect(desk.put(0, "a") == ["0: subscribed by the server a"], "it is there")
    #expect(desk.subscribe(0, "c", id: 1) == ["0: error too_many_channels #1"])
    #expect(desk.take(0, "a") == ["detach a", "0: unsubscribed from a by the server"])
    #expect(desk.put(0, "c") == ["attach c"])
  }

  @Test func nobodyIsPutWhereNothingCanBeReached() {
    var desk = Desk()
    desk.open(0, 1)
    desk.subscribed(1, "known")
    _ = desk.link(.down)
    #expect(desk.put(0, "room") == ["not put"])
    #expect(desk.hub.subscriptionCount == 1 && desk.hub.channelCount == 1)
    #expect(desk.put(0, "known") == ["0: subscribed by the server known"], "it is attached")
    _ = desk.subscriptionsLost()
    #expect(desk.put(1, "known") == ["not put"])
    _ = desk.link(.lost)
    #expect(desk.put(0, "room") == ["attach room"], "it may soon be")
  }

  /// The client has asked for nothing and is told of nothing.
  @Test func aPutThatFailsIsSilent() {
    var desk = Desk()
    desk.open(0)
    _ = desk.put(0, "room")
    #expect(desk.link(.down) == ["detach room"])
    #expect(desk.hub.subscriptionCount == 0)
    _ = desk.link(.up)
    _ = desk.put(0, "room", .member)
    _ = desk.attached("room")
    #expect(desk.notEntered(0, "room") == ["leave c-0 room", "detach room"])
    #expect(desk.hub.check() == nil)
  }

  @Test func whoWasThereBeforeAPutThatFailsStays() {
    var desk = Desk()
    desk.open(0)
    desk.subscribed(0, "room")
    _ = desk.put(0, "room", .member)
    _ = desk.deliver("m", of: "room")
    #expect(desk.notEntered(0, "room") == ["leave c-0 room", "0: 'm'"])
    #expect(desk.deliver("x", of: "room") == [0])
    #expect(desk.deliver("x", to: .watchers, of: "room") == [])
    #expect(desk.hub.check() == nil)
  }

  @Test func whatWaitedBehindAPutThatFailsRuns() {
    var desk = Desk()
    desk.open(0)
    _ = desk.put(0, "room", .member)
    _ = desk.attached("room")
    _ = desk.publish(0, "room", "x", id: 1)
    _ = desk.take(0, "room")
    #expect(desk.notEntered(0, "room") == ["leave c-0 room", "detach room", "publish 0 room #1 'x'"])
  }

  @Test func channelsOfTheServerAreNoPlaceToStay() {
    var desk = Desk()
    desk.open(0)
    _ = desk.put(0, "$events")
    _ = desk.attached("$events")
    #expect(desk.subscribe(0, "$events", id: 1) == ["0: error forbidden #1"])
  }

  // MARK: Taking out

  @Test func aConnectionIsTakenOut() {
    var desk = Desk()
    desk.open(0, 1)
    for slot: UInt32 in [0, 1] { desk.subscribed(slot, "room") }
    #expect(desk.take(0, "room") == ["0: unsubscribed from room by the server"])
    #expect(desk.deliver("x", of: "room") == [1])
    #expect(desk.take(0, "room") == ["not taken"])
    #expect(desk.take(1, "other") == ["not taken"])
    #expect(desk.take(1, "room") == ["detach room", "1: unsubscribed from room by the server"])
    #expect(desk.hub.channelCount == 0)
  }

  @Test func aMemberThatIsTakenOutLeavesAtOnce() {
    var desk = Desk()
    desk.open(0)
    desk.subscribed(0, "room", .member)
    #expect(desk.take(0, "room") == ["leave c-0 room", "detach room", "0: unsubscribed from room by the server"])
  }

  @Test func whoIsTakenOutMayComeBackByItsRights() throws {
    var desk = try closedDesk()
    desk.open(0)
    desk.subscribed(0, "open")
    _ = desk.put(0, "room")
    _ = desk.attached("room")
    for name in ["open", "room"] { _ = desk.take(0, name) }
    #expect(desk.subscribe(0, "open") == ["attach open"])
    #expect(desk.subscribe(0, "room", id: 1) == ["0: error forbidden #1"])
  }

  // MARK: Who is here

  @Test func listenersAreCounted() {
    var desk = Desk()
    desk.open(0, 1, 2)
    for slot: UInt32 in [0, 1] { desk.subscribed(slot, "a") }
    desk.subscribed(2, "b", .member)
    _ = desk.subscribe(2, "c")
    let counts = Dictionary(
      uniqueKeysWithValues: desk.hub.census(from: 0).sizes.map { ($0.name.string, $0.subscribers) })
    #expect(counts == ["a": 2, "b": 1], "who waits is none yet")
    #expect(["a", "b", "c", "d"].map { desk.hub.listenerCount(in: channel($0)) } == [2, 1, 0, 0])
    _ = desk.close(0)
    #expect(desk.hub.listenerCount(in: channel("a")) == 1)
  }

  @Test func connectionsAreFoundByTheirIds() {
    var desk = Desk()
    desk.open(0, 1)
    desk.open(2, user: "alice")
    desk.open(3, user: "alice")
    #expect([0, 1, 2, 9].map { desk.hub.slot(of: ClientID("c-\($0)")) } == [0, 1, 2, nil])
    #expect(desk.hub.userCount == 1)
    _ = desk.close(1)
    #expect(desk.hub.slot(of: ClientID("c-1")) == nil)
    for slot: UInt32 in [2, 3] { _ = desk.close(slot) }
    #expect(desk.hub.userCount == 0)
  }
}
