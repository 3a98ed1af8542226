import Cluster
@testable import Broker
import Model
import TestSupport
import Testing

@Suite struct SubscriptionTableTests {
  private let room = channel("room")

  /// An `SubscriptionTable` whose link is there.
  private func linked() -> SubscriptionTable {
    var interest = SubscriptionTable()
    _ = interest.linked()
    return interest
  }

  /// One whose channel is subscribed for those loops.
  private func subscribed(_ loops: LoopIndex...) -> SubscriptionTable {
    var interest = linked()
    for loop in loops { _ = interest.attach(room, loop) }
    _ = interest.confirmed(room, now: 0)
    return interest
  }

  // MARK: Coming

  @Test func theFirstLoopSubscribesAndIsToldAfterTheConfirmation() {
    var interest = linked()
    #expect(interest.attach(room, 0) == .subscribe(room))
    #expect(interest.loops(of: room) == loops(0))
    #expect(interest.confirmed(room, now: 0) == .attached(room, loops(0)))
    #expect(interest.confirmed(room, now: 0) == nil, "a confirmation too many")
    #expect(interest.activeCount == 1)
  }

  @Test func loopsThatComeWhileSubscribingAreToldTogether() {
    var interest = linked()
    #expect(interest.attach(room, 0) == .subscribe(room))
    #expect(interest.attach(room, 2) == nil)
    #expect(interest.attach(room, 1) == nil)
    #expect(interest.confirmed(room, now: 0) == .attached(room, loops(0, 1, 2)))
  }

  @Test func aLoopThatComesToASubscribedChannelIsToldAtOnce() {
    var interest = subscribed(0)
    #expect(interest.attach(room, 1) == .attached(room, loops(1)), "it alone")
    #expect(interest.loops(of: room) == loops(0, 1))
  }

  @Test func channelsAreApart() {
    var interest = linked()
    #expect(interest.attach(room, 0) == .subscribe(room))
    #expect(interest.attach(channel("other"), 0) == .subscribe(channel("other")))
    #expect(interest.confirmed(channel("other"), now: 0) == .attached(channel("other"), loops(0)))
    #expect(interest.confirmed(room, now: 0) == .attached(room, loops(0)))
    #expect(interest.activeCount == 2)
    #expect(interest.loops(of: channel("third")).isEmpty)
  }

  @Test func oneThatLeavesAndComesBackWhileSubscribingIsToldOnce() {
    var interest = linked()
    _ = interest.attach(room, 0)
    interest.detach(room, 0, now: 0)
    #expect(interest.attach(room, 0) == nil, "one SUBSCRIBE is enough")
    #expect(interest.confirmed(room, now: 0) == .attached(room, loops(0)))
  }

  // MARK: Going

  @Test func aChannelIsGivenUpTwoSecondsAfterItsLastLoop() {
    var interest = subscribed(0, 1)
    interest.detach(room, 0, now: 1000)
    #expect(interest.nextExpiry == nil, "somebody is still there")
    #expect(interest.loops(of: room) == loops(1))
    interest.detach(room, 1, now: 5000)
    #expect(interest.nextExpiry == 7000)
    #expect(interest.activeCount == 0)
    #expect(interest.expire(now: 6999) == [])
    #expect(interest.expire(now: 7000) == [.unsubscribe(room)])
    #expect(interest.expire(now: 9000) == [], "one UNSUBSCRIBE is enough")
    #expect(interest.ended(room) == nil)
    #expect(interest.nextExpiry == nil)
    #expect(interest.attach(room, 0) == .subscribe(room), "all is forgotten")
  }

  @Test func whoComesBackInTimeFindsTheChannelSubscribed() {
    var interest = subscribed(0)
    interest.detach(room, 0, now: 0)
    #expect(interest.attach(room, 1) == .attached(room, loops(1)))
    #expect(interest.expire(now: 10_000) == [])
    #expect(interest.attach(room, 2) == .attached(room, loops(2)))
  }

  @Test func theTwoSecondsBeginAnewEachTime() {
    var interest = subscribed(0)
    interest.detach(room, 0, now: 0)
    _ = interest.attach(room, 0)
    interest.detach(room, 0, now: 1500)
    #expect(interest.expire(now: 2000) == [], "the first two seconds count no more")
    #expect(interest.expire(now: 3499) == [])
    #expect(interest.expire(now: 3500) == [.unsubscribe(room)])
  }

  @Test func severalChannelsExpireInOrder() {
    var interest = linked()
    for (time, name) in ["a", "b", "c"].enumerated() {
      _ = interest.attach(channel(name), 0)
      _ = interest.confirmed(channel(name), now: 0)
      interest.detach(channel(name), 0, now: Int64(time) * 100)
    }
    #expect(interest.expire(now: 2100) == [.unsubscribe(channel("a")), .unsubscribe(channel("b"))])
    #expect(interest.nextExpiry == 2200)
    #expect(interest.expire(now: 2200) == [.unsubscribe(channel("c"))])
  }

  @Test func whatIsConfirmedWhenNobodyIsLeftLingersAndIsNotTold() {
    var interest = linked()
    _ = interest.attach(room, 0)
    interest.detach(room, 0, now: 100)
    #expect(interest.confirmed(room, now: 500) == nil)
    #expect(interest.nextExpiry == 2500)
    #expect(interest.expire(now: 2500) == [.unsubscribe(room)])
    #expect(interest.ended(room) == nil)
  }

  @Test func aLoopThatIsNotThereMayDetach() {
    var interest = subscribed(0)
    interest.detach(room, 1, now: 0)
    interest.detach(channel("unknown"), 0, now: 0)
    #expect(interest.loops(of: room) == loops(0))
    #expect(interest.nextExpiry == nil)
    interest.detach(room, 0, now: 0)
    interest.detach(room, 0, now: 1000)
    #expect(interest.expire(now: 2000) == [.unsubscribe(room)], "leaving twice does not prolong anything")
  }

  // MARK: Coming while going

  /// An interest whose UNSUBSCRIBE is under way.
  private func unsubscribing() -> SubscriptionTable {
    var interest = subscribed(0)
    interest.detach(room, 0, now: 0)
    _ = interest.expire(now: 2000)
    return interest
  }

  @Test func whoComesDuringAnUnsubscribeWaitsForANewConfirmation() {
    var interest = unsubscribing()
    #expect(interest.attach(room, 1) == nil)
    #expect(interest.attach(room, 2) == nil)
    #expect(interest.confirmed(room, now: 2100) == nil, "that would be of an earlier SUBSCRIBE")
    #expect(interest.ended(room) == .subscribe(room))
    #expect(interest.confirmed(room, now: 2200) == .attached(room, loops(1, 2)))
  }

  @Test func whoComesAndGoesDuringAnUnsubscribeIsForgotten() {
    var interest = unsubscribing()
    _ = interest.attach(room, 1)
    interest.detach(room, 1, now: 2100)
    #expect(interest.ended(room) == nil)
    #expect(interest.nextExpiry == nil)
    #expect(interest.attach(room, 0) == .subscribe(room))
  }

  @Test func confirmationsOfNothingAreIgnored() {
    var interest = linked()
    #expect(interest.confirmed(room, now: 0) == nil)
    #expect(interest.ended(room) == nil)
    var live = subscribed(0)
    #expect(live.ended(room) == nil)
    #expect(live.loops(of: room) == loops(0))
    #expect(live.attach(room, 1) == .attached(room, loops(1)))
  }
}
