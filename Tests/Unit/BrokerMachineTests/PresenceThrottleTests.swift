@testable import Broker
import Model
import TestSupport
import Testing

@Suite struct PresenceThrottleTests {
  private let room = channel("room")

  /// The counts to be told, as text, sorted.
  private func due(_ crowd: inout PresenceThrottle, _ now: Int64) -> [String] {
    crowd.due(now: now).map { "\($0.channel) \($0.count)" }.sorted()
  }

  @Test func smallChannelsAreToldOneByOne() {
    var crowd = PresenceThrottle()
    for count in [0, 1, 149, 150, 199, 200] { #expect(crowd.changed(room, count: count) == .tell, "\(count)") }
    #expect(!crowd.isWaiting)
    #expect(due(&crowd, 0) == [])
  }

  @Test func above200OnlyTheCountIsTold() {
    var crowd = PresenceThrottle()
    #expect(crowd.changed(room, count: 200) == .tell)
    #expect(crowd.changed(room, count: 201) == .hold)
    #expect(crowd.isWaiting)
    #expect(due(&crowd, 0) == ["room 201"], "the first at once")
    #expect(!crowd.isWaiting)
    #expect(crowd.changed(room, count: 200) == .hold, "it stays a crowd")
    #expect(crowd.changed(room, count: 150) == .hold)
    #expect(crowd.changed(room, count: 149) == .roster, "and is none any more, which is told once in full")
    #expect(crowd.changed(room, count: 148) == .tell)
    #expect(crowd.changed(room, count: 149) == .tell)
    #expect(crowd.changed(room, count: 200) == .tell)
    #expect(crowd.changed(room, count: 201) == .hold)
  }

  @Test func theCountIsToldAtMostOnceASecond() {
    var crowd = PresenceThrottle()
    _ = crowd.changed(room, count: 201)
    #expect(due(&crowd, 5000) == ["room 201"])
    #expect(due(&crowd, 10_000) == [], "nothing has changed")
    _ = crowd.changed(room, count: 202)
    #expect(due(&crowd, 10_000) == ["room 202"], "the last was long ago")
    for count in 203...300 { _ = crowd.changed(room, count: count) }
    #expect(due(&crowd, 10_001) == [])
    #expect(crowd.isWaiting)
    #expect(due(&crowd, 10_999) == [])
    #expect(due(&crowd, 11_000) == ["room 300"], "the newest, once")
    #expect(due(&crowd, 12_000) == [])
  }

  @Test func aRosterTakesTheWaitingCountAlong() {
    var crowd = PresenceThrottle()
    _ = crowd.changed(room, count: 201)
    _ = crowd.changed(room, count: 160)
    #expect(crowd.changed(room, count: 100) == .roster)
    #expect(!crowd.isWaiting)
    #expect(due(&crowd, 0) == [])
  }

  @Test func channelsAreApart() {
    var crowd = PresenceThrottle()
    #expect(crowd.changed(channel("a"), count: 500) == .hold)
    #expect(crowd.changed(channel("b"), count: 5) == .tell)
    #expect(crowd.changed(channel("c"), count: 300) == .hold)
    #expect(due(&crowd, 0) == ["a 500", "c 300"])
    _ = crowd.changed(channel("a"), count: 501)
    #expect(due(&crowd, 500) == [])
    #expect(crowd.changed(channel("d"), count: 201) == .hold)
    #expect(due(&crowd, 500) == ["d 201"])
    #expect(due(&crowd, 1000) == ["a 501"])
  }

  @Test func aForgottenChannelStartsAnew() {
    var crowd = PresenceThrottle()
    _ = crowd.changed(room, count: 201)
    crowd.forget(room)
    #expect(!crowd.isWaiting)
    #expect(due(&crowd, 0) == [])
    #expect(crowd.changed(room, count: 180) == .tell)
    #expect(crowd.changed(room, count: 201) == .hold)
  }

  @Test func aClockMayBeginAnywhere() {
    for start: Int64 in [.min / 2, 0, .max / 2] {
      var crowd = PresenceThrottle()
      _ = crowd.changed(room, count: 201)
      #expect(due(&crowd, start) == ["room 201"])
    }
  }
}
