import Hub
import Model
import TestSupport
import Testing

/// What comes of a channel while its history is read for somebody, and how much of the past somebody is given.
@Suite struct HoldingTests {
  /// So large that one is held, and no two.
  private let large = String(repeating: "x", count: 600_000)

  /// Slot 0 recovers from 3 on, and its history is being read.
  private func reading(_ mode: PresenceMode = .none, sendsLast: Bool = false) -> Desk {
    var desk = HubTests.desk(sendsLast: sendsLast)
    desk.open(0)
    _ = desk.subscribe(0, "a", mode, since: .position(at(3)), id: 1)
    _ = desk.attached("a")
    return desk
  }

  @Test func whatDoesNotFitIsNotRecovered() {
    var desk = reading()
    _ = desk.deliver(large, of: "a", .message(at(5)))
    _ = desk.deliver(large, of: "a", .message(at(6)))
    _ = desk.deliver("m7", of: "a", .message(at(7)))
    #expect(
      desk.read(0, "a", .success(read(at(4), [4]))) == [
        "0: subscribed a #1 at e1/5 not recovered", "0: '\(large)'", "0: 'm7'",
      ],
      "the next message is the sixth, and the client knows that it lacks some")
  }

  @Test func whatDoesNotFitAndWasReadIsRecovered() {
    var desk = reading()
    _ = desk.deliver(large, of: "a", .message(at(4)))
    _ = desk.deliver(large, of: "a", .message(at(5)))
    _ = desk.deliver("m6", of: "a", .message(at(6)))
    #expect(
      desk.read(0, "a", .success(read(at(4), [4]))) == [
        "0: subscribed a #1 at e1/3 recovered", "0: replay [m4]", "0: '\(large)'", "0: 'm6'",
      ])
  }

  @Test func anOlderEpochThatDoesNotFitIsNotMissed() {
    var desk = reading()
    _ = desk.deliver(large, of: "a", .message(at(9, "e0")))
    _ = desk.deliver(large, of: "a", .gap(at(4)))
    _ = desk.deliver("m5", of: "a", .message(at(5)))
    #expect(
      desk.read(0, "a", .success(read(at(4), [4]))) == [
        "0: subscribed a #1 at e1/3 recovered", "0: replay [m4]", "0: 'm5'",
      ])
  }

  /// A gap to an epoch that is over by then, too, is none for who has read the newest.
  @Test func gapsToOlderEpochsAreOver() {
    var desk = reading()
    _ = desk.deliver("gap to 2", of: "a", .gap(at(0, "e2")))
    _ = desk.deliver("n1", of: "a", .message(at(1, "e2")))
    _ = desk.deliver("gap to 3", of: "a", .gap(at(0, "e3")))
    _ = desk.deliver("o1", of: "a", .message(at(1, "e3")))
    _ = desk.deliver("gap to 4", of: "a", .gap(at(5, "e4")))
    #expect(
      desk.read(0, "a", .success(read(at(0, "e3"), isComplete: false))) == [
        "0: subscribed a #1 at e3/0 not recovered", "0: 'o1'", "0: 'gap to 4'",
      ])
  }

  /// What was held is told in any case: the place is in front of it, in whatever epoch that is.
  @Test func whoListensStandsInFrontOfWhatWasHeld() {
    for first in [Mark.message(at(6)), .gap(at(5))] {
      var desk = HubTests.desk()
      desk.open(0)
      _ = desk.subscribe(0, "a", id: 1)
      _ = desk.attached("a")
      _ = desk.read(0, "a", .success(read(at(5))))
      _ = desk.subscribe(0, "a", id: 2)
      _ = desk.deliver("first", of: "a", first)
      _ = desk.deliver("gap", of: "a", .gap(at(0, "e2")))
      _ = desk.deliver("n1", of: "a", .message(at(1, "e2")))
      #expect(
        desk.read(0, "a", .success(read(at(1, "e2")))) == [
          "0: subscribed a #2 at e1/5", "0: 'first'", "0: 'gap'", "0: 'n1'",
        ])
    }
  }

  @Test func aGapToANewerEpochThatDoesNotFitIsTold() {
    var desk = reading()
    _ = desk.deliver(large, of: "a", .gap(at(0, "e2")))
    _ = desk.deliver(large, of: "a", .message(at(1, "e2")))
    #expect(
      desk.read(0, "a", .success(read(at(4), [4]))) == ["0: subscribed a #1 at e2/0 not recovered", "0: '\(large)'"])
  }

  @Test(arguments: [Mark.fleeting, .none])
  func whatHasNoPlaceSpoilsNoRecovery(_ mark: Mark) {
    var desk = reading()
    for _ in 0..<3 { _ = desk.deliver(large, of: "a", mark) }
    _ = desk.deliver("m5", of: "a", .message(at(5)))
    let held = mark == .fleeting ? [] : ["0: '\(large)'"]
    #expect(
      desk.read(0, "a", .success(read(at(4), [4]))) == ["0: subscribed a #1 at e1/3 recovered", "0: replay [m4]"]
        + held + ["0: 'm5'"])
  }

  @Test func signalsAreHeldForWhoListenedBefore() {
    var desk = HubTests.desk()
    desk.open(0, 1)
    for slot in [0, 1] as [UInt32] {
      _ = desk.subscribe(slot, "a", id: 1)
      _ = desk.attached("a")
      if slot == 0 { _ = desk.read(0, "a", .success(read(at(4)))) }
    }
    _ = desk.subscribe(0, "a", id: 2)
    #expect(desk.deliver("typing", of: "a", .fleeting) == [])
    #expect(desk.read(1, "a", .success(read(at(4)))) == ["1: subscribed a #1 at e1/4"])
    #expect(desk.read(0, "a", .success(read(at(4)))) == ["0: subscribed a #2 at e1/4", "0: 'typing'"])
  }

  @Test func whoListensAndAsksAgainGetsWhatDoesNotFit() {
    var desk = HubTests.desk()
    desk.open(0, 1)
    _ = desk.subscribe(0, "a", id: 1)
    _ = desk.attached("a")
    _ = desk.read(0, "a", .success(read(at(4))))
    _ = desk.subscribe(0, "a", id: 2)
    _ = desk.subscribe(1, "a", id: 3)
    #expect(desk.deliver(large, of: "a", .message(at(5))) == [])
    #expect(desk.deliver(large, of: "a", .message(at(6))) == [])
    #expect(desk.lines() == ["0: error unavailable #2", "0: '\(large)'", "0: '\(large)'"])
    #expect(desk.deliver("m7", of: "a", .message(at(7))) == [0])
    #expect(desk.read(1, "a", .success(read(at(6)))) == ["1: subscribed a #3 at e1/6", "1: 'm7'"])
  }

  @Test func joinsThatDoNotFitEndTheSubscribe() {
    var desk = reading(.watch)
    _ = desk.deliver(large, to: .watchers, of: "a")
    _ = desk.deliver(large, to: .watchers, of: "a")
    #expect(desk.lines() == [], "they are in the roster, which has not been asked for")
    _ = desk.read(0, "a", .success(read(at(4), [4])))
    _ = desk.deliver(large, to: .watchers, of: "a")
    #expect(desk.lines() == [])
    _ = desk.deliver(large, to: .watchers, of: "a")
    #expect(desk.lines() == ["0: error unavailable #1", "detach a"])
  }

  @Test func joinsFromBeforeTheRosterAreInIt() {
    var desk = reading(.watch)
    _ = desk.deliver("before", to: .watchers, of: "a")
    _ = desk.read(0, "a", .success(read(at(3))))
    _ = desk.deliver("after", to: .watchers, of: "a")
    #expect(desk.entered(0, "a", roster("bob")) == ["0: subscribed a #1 at e1/3 recovered [bob]", "0: 'after'"])
  }

  /// Its own join has the newest count, which it is told by the roster alone: an older one must not come after it.
  @Test func joinsFromBeforeOnesOwnAreInTheRoster() {
    var desk = reading(.member)
    _ = desk.read(0, "a", .success(read(at(3))))
    _ = desk.deliver("bob 2", to: .watchers, of: "a")
    _ = desk.deliver("own 3", to: .watchers, of: "a", without: "c-0")
    _ = desk.deliver("carl 4", to: .watchers, of: "a")
    #expect(
      desk.entered(0, "a", roster("alice", "bob", "own"))
        == ["0: subscribed a #1 at e1/3 recovered [alice, bob, own]", "0: 'carl 4'"])
  }

  @Test func aWatcherWhoCannotBecomeAListenerMissesNoJoin() {
    var desk = HubTests.desk()
    desk.open(0)
    _ = desk.subscribe(0, "a", .watch, id: 1)
    _ = desk.attached("a")
    _ = desk.read(0, "a", .success(read(at(4))))
    _ = desk.entered(0, "a", roster())
    _ = desk.subscribe(0, "a", id: 2)
    #expect(desk.deliver("join", to: .watchers, of: "a") == [])
    #expect(
      desk.read(0, "a", .failure(Refusal(.unavailable, "Not now."))) == ["0: error unavailable #2", "0: 'join'"])
    #expect(desk.deliver("leave", to: .watchers, of: "a") == [0])
  }

  @Test func whoMayNotWatchAnyMoreIsNoWatcherAgain() {
    var desk = HubTests.desk()
    desk.open(0)
    _ = desk.subscribe(0, "a", .watch, id: 1)
    _ = desk.attached("a")
    _ = desk.read(0, "a", .success(read(at(4))))
    _ = desk.entered(0, "a", roster())
    _ = desk.subscribe(0, "a", id: 2)
    var rule = ChannelRule.standard(.all, isOpen: true)
    rule.history = HistoryRule(size: 10, timeToLive: 1000)
    rule.hasPresence = false
    #expect(desk.adopt(ChannelRules([rule])) == [])
    #expect(desk.read(0, "a", .failure(Refusal(.unavailable, "Not now."))) == ["0: error unavailable #2"])
    #expect(desk.deliver("join", to: .watchers, of: "a") == [])
    #expect(desk.deliver("m5", of: "a", .message(at(5))) == [0])
  }

  /// However many wait: an event is kept once, and goes to those who listen at no extra cost.
  @Test func eventsAreHeldOnceForAll() {
    var desk = HubTests.desk()
    desk.open(0)
    _ = desk.subscribe(0, "a", id: 0)
    _ = desk.attached("a")
    _ = desk.read(0, "a", .success(read(at(0))))
    for slot in 1...100 as ClosedRange<UInt32> {
      desk.open(slot)
      _ = desk.subscribe(slot, "a", id: 1)
    }
    for offset in 1...5 { #expect(desk.deliver("m\(offset)", of: "a", .message(at(offset))) == [0]) }
    #expect(desk.hub.bufferedCount == 5)
    for slot in 1...100 as ClosedRange<UInt32> {
      let lines = desk.read(slot, "a", .success(read(at(3))))
      #expect(lines == ["\(slot): subscribed a #1 at e1/3", "\(slot): 'm4'", "\(slot): 'm5'"])
    }
    #expect(desk.hub.bufferedCount == 0)
    #expect(desk.deliver("m6", of: "a", .message(at(6))).count == 101)
  }

  @Test func whoIsNotAnsweredYetIsNotInTheChannel() {
    var desk = reading()
    #expect(desk.hub.channels(of: Desk.id(0)) == [])
    _ = desk.read(0, "a", .success(read(at(3))))
    #expect(desk.hub.channels(of: Desk.id(0)) == [channel("a")])
    _ = desk.subscribe(0, "a", id: 2)
    #expect(desk.hub.channels(of: Desk.id(0)) == [channel("a")], "it is still in it")
  }

  // MARK: Too much to recover

  @Test func oneRecoveryMayBeOfAnySize() {
    var desk = reading()
    #expect(
      desk.read(0, "a", .success(read(at(400), Array(4...400)))).first == "0: subscribed a #1 at e1/3 recovered")
  }

  @Test func whereMuchWaitsNothingMoreIsRecovered() {
    let entries = Array(4...9)
    let bytes = read(at(9), entries).byteCount
    var desk = reading()
    #expect(
      desk.read(0, "a", .success(read(at(9), entries)), waiting: Desk.maxRecovery - bytes).first
        == "0: subscribed a #1 at e1/3 recovered")
    desk = reading()
    #expect(
      desk.read(0, "a", .success(read(at(9), entries)), waiting: Desk.maxRecovery - bytes + 1) == [
        "0: subscribed a #1 at e1/9 not recovered"
      ])
    desk = reading()
    #expect(
      desk.read(0, "a", .success(read(at(3))), waiting: 1 << 40) == ["0: subscribed a #1 at e1/3 recovered"],
      "nothing was missed")
  }

  @Test func whereMuchWaitsTheNewestStillComes() {
    var desk = reading(sendsLast: true)
    #expect(desk.read(0, "a", .success(read(at(9), Array(4...9))), waiting: Desk.maxRecovery) == ["read 0 a newest 1"])
    #expect(
      desk.read(0, "a", .success(read(at(9), [9])), waiting: Desk.maxRecovery) == [
        "0: subscribed a #1 at e1/8 not recovered", "0: replay [m9]",
      ])
  }

  @Test func whatWaitsForItsRosterCountsToo() {
    var desk = HubTests.desk()
    desk.open(0)
    for (number, name) in ["a", "b"].enumerated() {
      _ = desk.subscribe(0, name, .watch, since: .position(at(3)), id: number)
      _ = desk.attached(name)
    }
    #expect(desk.read(0, "a", .success(read(at(300), Array(4...300)))) == ["enter 0 a watch c-0 - -"])
    _ = desk.read(0, "b", .success(read(at(4), [4])))
    #expect(desk.entered(0, "b", roster()) == ["0: subscribed b #1 at e1/4 not recovered []"])
    #expect(desk.entered(0, "a", roster()).first == "0: subscribed a #0 at e1/3 recovered []")
  }
}
