import Hub
import Model
import TestSupport
import Testing

@Suite struct IdentityTests {
  private static let bad = Refusal(.invalidToken, "It is no good.")

  private func identity(
    _ name: String, _ grants: [String: Capabilities]? = nil, info: String? = nil, expires: Int64? = nil
  ) -> Identity {
    let all = grants?.sorted { $0.key < $1.key }.compactMap { pattern, capabilities in
      ChannelPattern(pattern).map { Grant($0, capabilities) }
    }
    return Identity(user: user(name), info: info, grants: all, expires: expires)
  }

  // MARK: Becoming known

  @Test func aStrangerIsAnsweredNothing() {
    var desk = Desk(requiresIdentity: true)
    desk.open(0)
    #expect(desk.subscribe(0, "a", id: 1) == ["0: error unauthenticated #1"])
    #expect(desk.publish(0, "a", "x", id: 2) == ["0: error unauthenticated #2"])
    #expect(desk.presence(0, "a", id: 3) == ["0: error unauthenticated #3"])
    #expect(desk.unsubscribe(0, "a", id: 4) == ["0: error unauthenticated #4"])
  }

  @Test func aStrangerHasFiveSeconds() {
    var desk = Desk(requiresIdentity: true)
    desk.open(0, nil)
    #expect(desk.hub.due(Desk.id(0)) == 5000)
    #expect(desk.time(0, 4999) == [])
    #expect(desk.time(0, 5000) == ["close 0 noToken"])
  }

  @Test func whoNeedNotBeKnownHasAllTheTime() {
    var desk = Desk()
    desk.open(0)
    #expect(desk.hub.due(Desk.id(0)) == nil)
    #expect(desk.time(0, 1 << 50) == [])
  }

  @Test func aTokenMakesAStrangerKnown() {
    var desk = Desk(requiresIdentity: true)
    desk.open(0)
    #expect(
      desk.verified(0, .success(identity("alice", expires: 100)), id: 1) == ["0: authenticated alice #1 until 100"])
    #expect(desk.publish(0, "a", "x") == ["publish 0 a 'x'"])
    #expect(desk.hub.due(Desk.id(0)) == 100_000, "the five seconds count no more")
  }

  @Test func aBadTokenEndsAStranger() {
    var desk = Desk(requiresIdentity: true)
    desk.open(0)
    #expect(desk.verified(0, .failure(Self.bad), id: 1) == ["0: error invalid_token #1", "close 0 invalidToken"])
  }

  @Test func aBadTokenEndsAGuest() {
    var desk = Desk()
    desk.open(0)
    #expect(desk.verified(0, .failure(Self.bad)) == ["0: error invalid_token", "close 0 invalidToken"])
  }

  @Test func aTokenThatCouldNotBeJudgedEndsNobody() {
    var desk = Desk(requiresIdentity: true)
    desk.open(0)
    #expect(desk.verified(0, .failure(Refusal(.unavailable, "Later."))) == ["0: error unavailable"])
  }

  @Test func aGuestInPresenceStaysAGuest() {
    var desk = Desk()
    desk.open(0)
    desk.subscribed(0, "a", .member)
    #expect(desk.verified(0, .success(identity("alice"))) == ["0: error bad_request"])
    _ = desk.unsubscribe(0, "a")
    #expect(desk.verified(0, .success(identity("alice"))) == ["0: authenticated alice"])
  }

  @Test func theAnswerForAConnectionThatHasGoneIsDropped() {
    var desk = Desk(requiresIdentity: true)
    desk.open(0)
    _ = desk.close(0)
    #expect(desk.verified(0, .success(identity("alice"))) == [])
    #expect(desk.verified(0, .failure(Self.bad)) == [])
    #expect(desk.time(0, 1 << 50) == [])
  }

  // MARK: The end of a token

  @Test func theEndIsToldAndComes() {
    var desk = Desk(requiresIdentity: true)
    desk.open(0, identity("alice", expires: 100))
    #expect(desk.time(0, 99_999) == [])
    #expect(desk.time(0, 100_000) == ["0: expiring in 30000"])
    #expect(desk.time(0, 129_999) == [], "told once")
    #expect(desk.time(0, 130_000) == ["close 0 expiredToken"])
  }

  @Test func aTokenPastItsEndIsToldAtOnce() {
    var desk = Desk(requiresIdentity: true)
    desk.open(0, identity("alice", expires: 100))
    #expect(desk.time(0, 129_000) == ["0: expiring in 1000"])
    #expect(desk.hub.due(Desk.id(0)) == 130_000)
  }

  @Test func aRenewalPutsTheEndOff() {
    var desk = Desk(requiresIdentity: true)
    desk.open(0, identity("alice", expires: 100))
    _ = desk.time(0, 100_000)
    _ = desk.verified(0, .success(identity("alice", expires: 200)))
    #expect(desk.time(0, 130_000) == [])
    #expect(desk.time(0, 200_000) == ["0: expiring in 30000"])
  }

  @Test func aFailedRenewalIsAnErrorAndNoMore() {
    var desk = Desk(requiresIdentity: true)
    desk.open(0, identity("alice", expires: 100))
    #expect(desk.verified(0, .failure(Self.bad), id: 7) == ["0: error invalid_token #7"])
    #expect(desk.verified(0, .success(identity("bob")), id: 8) == ["0: error invalid_token #8"])
    #expect(desk.publish(0, "a", "x") == ["publish 0 a 'x'"])
    #expect(desk.time(0, 130_000) == ["close 0 expiredToken"], "the old token still ends")
  }

  @Test func rightsThatAreGoneUnsubscribe() {
    var desk = Desk(requiresIdentity: true)
    desk.open(0, identity("alice", ["*": [.subscribe, .presence]]))
    desk.subscribed(0, "a")
    desk.subscribed(0, "b", .member)
    desk.subscribed(0, "c", .watch)
    #expect(
      desk.verified(0, .success(identity("alice", ["a": .subscribe, "b": .subscribe]))) == [
        "0: authenticated alice", "leave c-0 b", "detach b", "0: unsubscribed from b by the server", "detach c",
        "0: unsubscribed from c by the server",
      ])
    #expect(desk.hub.subscriptionCount == 1)
  }

  @Test func aSubscribeUnderWayIsRefusedWhenItsRightGoes() {
    var desk = Desk(requiresIdentity: true)
    desk.open(0, identity("alice"))
    #expect(desk.subscribe(0, "a", .member, id: 1) == ["attach a"])
    #expect(desk.publish(0, "a", "x", id: 2) == [])
    #expect(
      desk.verified(0, .success(identity("alice", [:]))) == [
        "0: authenticated alice", "0: error forbidden #1", "detach a", "0: error forbidden #2",
      ])
  }

  @Test func aGuestWhoSubscribesMaySayWhoItIs() {
    var desk = Desk()
    desk.open(0)
    _ = desk.subscribe(0, "a", id: 1)
    #expect(desk.verified(0, .success(identity("alice"))) == ["0: authenticated alice"])
    _ = desk.subscribe(0, "a", .watch, id: 2)
    desk.open(1)
    _ = desk.subscribe(1, "a", .none, id: 1)
    _ = desk.subscribe(1, "a", .member, id: 2)
    #expect(desk.verified(1, .success(identity("bob"))) == ["1: error bad_request"])
  }

  // MARK: Presence

  @Test func anotherInfoIsShownFromTheRenewalOn() {
    var desk = Desk()
    desk.open(0, identity("alice", info: "1"))
    desk.subscribed(0, "a", .member)
    desk.subscribed(0, "b")
    #expect(
      desk.verified(0, .success(identity("alice", info: "2"))) == [
        "update a c-0 alice 2", "0: authenticated alice",
      ])
    #expect(desk.verified(0, .success(identity("alice", info: "2"))) == ["0: authenticated alice"])
  }

  @Test func theTokensInfoIsShown() {
    var desk = Desk()
    desk.open(0, identity("alice", info: "{\"name\":\"Alice\"}"))
    _ = desk.subscribe(0, "a", .member, info: "\"Mallory\"")
    #expect(desk.attached("a") == ["enter 0 a member c-0 alice {\"name\":\"Alice\"}"])
  }
}
