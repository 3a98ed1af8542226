import Cluster
@testable import Broker
import Model
import TestSupport
import Testing

/// The link comes and goes while channels are wanted.
@Suite struct SubscriptionTableLinkTests {
  private let room = channel("room")

  private func subscribed(_ loops: LoopIndex...) -> SubscriptionTable {
    var interest = SubscriptionTable()
    _ = interest.linked()
    for loop in loops { _ = interest.attach(room, loop) }
    _ = interest.confirmed(room, now: 0)
    return interest
  }

  @Test func beforeTheFirstLinkEverythingWaits() {
    var interest = SubscriptionTable()
    #expect(interest.attach(room, 0) == nil)
    #expect(interest.attach(room, 1) == nil)
    #expect(interest.attach(channel("other"), 0) == nil)
    #expect(interest.confirmed(room, now: 0) == nil)
    #expect(Set(interest.linked()) == [room, channel("other")])
    #expect(interest.linked() == [], "asked for once")
    #expect(interest.confirmed(room, now: 0) == .attached(room, loops(0, 1)))
    #expect(interest.confirmed(channel("other"), now: 0) == .attached(channel("other"), loops(0)))
  }

  @Test func whatIsWantedNoMoreIsNotAskedFor() {
    var interest = SubscriptionTable()
    _ = interest.attach(room, 0)
    interest.detach(room, 0, now: 0)
    #expect(interest.linked() == [])
    #expect(interest.activeCount == 0)
  }

  @Test func afterALostLinkEveryLoopIsToldAnew() {
    var interest = subscribed(0, 1)
    interest.linkLost()
    #expect(interest.loops(of: room) == loops(0, 1))
    #expect(interest.attach(room, 2) == nil, "there is nothing to be asked now")
    #expect(interest.linked() == [room])
    #expect(interest.confirmed(room, now: 0) == .attached(room, loops(0, 1, 2)))
  }

  @Test func aLinkLostWhileSubscribingAsksAgain() {
    var interest = SubscriptionTable()
    _ = interest.linked()
    _ = interest.attach(room, 0)
    interest.linkLost()
    #expect(interest.confirmed(room, now: 0) == nil, "of the earlier life")
    #expect(interest.linked() == [room])
    #expect(interest.confirmed(room, now: 0) == .attached(room, loops(0)))
  }

  @Test func aLinkLostWhileLingeringGivesUpAtOnce() {
    var interest = subscribed(0)
    interest.detach(room, 0, now: 0)
    interest.linkLost()
    #expect(interest.nextExpiry == nil)
    #expect(interest.linked() == [])
    #expect(interest.expire(now: 2000) == [])
    #expect(interest.attach(room, 0) == .subscribe(room))
  }

  @Test func aLinkLostWhileUnsubscribingDependsOnWhoIsThere() {
    var empty = subscribed(0)
    empty.detach(room, 0, now: 0)
    _ = empty.expire(now: 2000)
    var wanted = empty
    empty.linkLost()
    #expect(empty.linked() == [])
    #expect(empty.ended(room) == nil)
    _ = wanted.attach(room, 1)
    wanted.linkLost()
    #expect(wanted.ended(room) == nil, "of the earlier life")
    #expect(wanted.linked() == [room])
    #expect(wanted.confirmed(room, now: 0) == .attached(room, loops(1)))
  }

  @Test func aLinkMayBeLostAgainBeforeAnythingIsConfirmed() {
    var interest = subscribed(0)
    for _ in 0..<5 {
      interest.linkLost()
      #expect(interest.linked() == [room])
    }
    interest.linkLost()
    interest.linkLost()
    #expect(interest.linked() == [room])
    #expect(interest.confirmed(room, now: 0) == .attached(room, loops(0)))
  }

  @Test func aLoopThatLeavesWhileThereIsNoLinkIsNotTold() {
    var interest = subscribed(0, 1)
    interest.linkLost()
    interest.detach(room, 0, now: 0)
    #expect(interest.linked() == [room])
    #expect(interest.confirmed(room, now: 0) == .attached(room, loops(1)))
  }
}
