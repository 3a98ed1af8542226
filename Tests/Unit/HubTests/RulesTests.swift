import Cluster
import Hub
import Model
import TestSupport
import Testing

@Suite struct RulesTests {
  private func rule(_ pattern: String, _ change: (inout ChannelRule) -> Void = { _ in }) throws -> ChannelRule {
    var rule = ChannelRule.standard(try #require(ChannelPattern(pattern)), isOpen: true)
    change(&rule)
    return rule
  }

  @Test func whatNoRuleMatchesIsForbidden() throws {
    var desk = Desk(rules: ChannelRules([try rule("room:*")]))
    desk.open(0)
    #expect(desk.subscribe(0, "lobby", id: 1) == ["0: error forbidden #1"])
    #expect(desk.publish(0, "lobby", "x", id: 2) == ["0: error forbidden #2"])
    #expect(desk.presence(0, "lobby", id: 3) == ["0: error forbidden #3"])
    #expect(desk.subscribe(0, "room:1") == ["attach room:1"])
  }

  @Test func onlyMembersPublish() throws {
    var desk = Desk(rules: ChannelRules([try rule("*") { $0.publish = .members }]))
    desk.open(0)
    #expect(desk.publish(0, "a", "x", id: 1) == ["0: error forbidden #1"])
    desk.subscribed(0, "a")
    #expect(desk.publish(0, "a", "x", id: 2) == ["publish 0 a #2 'x'"])
    _ = desk.unsubscribe(0, "a")
    #expect(desk.publish(0, "a", "x", id: 3) == ["0: error forbidden #3"])
  }

  @Test func aPublishBehindASubscribeIsJudgedAfterIt() throws {
    var desk = Desk(rules: ChannelRules([try rule("*") { $0.publish = .members }]))
    desk.open(0)
    _ = desk.subscribe(0, "a", id: 1)
    #expect(desk.publish(0, "a", "x", id: 2) == [])
    #expect(desk.attached("a") == ["0: subscribed a #1", "publish 0 a #2 'x'"])
    _ = desk.subscribe(0, "b", id: 3)
    #expect(desk.publish(0, "b", "x", id: 4) == [])
    desk.hub.linkChanged(.down, in: 0)
    #expect(desk.lines() == ["0: error unavailable #3", "detach b", "0: error forbidden #4"])
  }

  @Test func whatWaitsIsJudgedAlsoAtTheEnd() throws {
    var desk = Desk(rules: ChannelRules([try rule("a") { $0.publish = .server }, try rule("*")]))
    desk.open(0)
    for name in ["a", "b"] {
      _ = desk.subscribe(0, name)
      _ = desk.publish(0, name, "x")
    }
    #expect(desk.close(0) == ["publish 0 b 'x'", "detach b", "detach a"])
  }

  @Test func aSubscribeBehindOneThatIsRefusedStays() throws {
    var desk = Desk()
    desk.open(0)
    _ = desk.subscribe(0, "a", .member, id: 1)
    _ = desk.subscribe(0, "a", id: 2)
    #expect(
      desk.adopt(ChannelRules([try rule("*") { $0.hasPresence = false }])) == [
        "0: error forbidden #1", "detach a", "attach a",
      ])
    #expect(desk.attached("a") == ["0: subscribed a #2"])
    #expect(desk.close(0) == ["detach a"])
    #expect(desk.hub.check() == nil)
  }

  @Test func aListenerThatMayNotEnterStaysAListener() throws {
    var desk = Desk()
    desk.open(0)
    desk.subscribed(0, "a")
    _ = desk.subscribe(0, "a", .member, id: 1)
    #expect(
      desk.adopt(ChannelRules([try rule("*") { $0.hasPresence = false }])) == [
        "0: error forbidden #1", "leave c-0 a",
      ])
    #expect(desk.hub.subscriptionCount == 1)
  }

  @Test func withoutPresenceNobodyEnters() throws {
    var desk = Desk(rules: ChannelRules([try rule("*") { $0.hasPresence = false }]))
    desk.open(0)
    #expect(desk.subscribe(0, "a", .member, id: 1) == ["0: error forbidden #1"])
    #expect(desk.subscribe(0, "a", .watch, id: 2) == ["0: error forbidden #2"])
    #expect(desk.presence(0, "a", id: 3) == ["0: error forbidden #3"])
    #expect(desk.subscribe(0, "a", id: 4) == ["attach a"])
  }

  @Test func newRulesCountAtOnce() throws {
    var desk = Desk()
    desk.open(0, 1)
    desk.subscribed(0, "a")
    desk.subscribed(1, "a", .member)
    desk.subscribed(1, "b")
    let rules = ChannelRules([try rule("a") { $0.hasPresence = false }, try rule("c")])
    #expect(
      desk.adopt(rules) == [
        "leave c-1 a", "1: unsubscribed from a by the server", "detach b", "1: unsubscribed from b by the server",
      ])
    #expect(desk.publish(1, "b", "x", id: 1) == ["1: error forbidden #1"])
    #expect(desk.hub.overflow(of: channel("a")) == .disconnect)
    #expect(desk.adopt(ChannelRules([try rule("*") { $0.overflow = .drop }])) == [])
    #expect(desk.hub.overflow(of: channel("a")) == .drop, "of a channel with listeners")
    #expect(desk.hub.overflow(of: channel("z")) == .drop, "and of one without")
  }

  @Test func whoMayNotKnowTheMembersAnyMoreIsNotToldThem() throws {
    var desk = Desk()
    desk.open(0)
    #expect(desk.presence(0, "a", id: 1) == ["query 0 a #1"])
    #expect(desk.presence(0, "b", onlyCount: true, id: 2) == ["query 0 b #2 count"])
    #expect(desk.presence(0, "c", id: 3) == ["query 0 c #3"])
    #expect(desk.adopt(ChannelRules([try rule("a") { $0.hasPresence = false }, try rule("c")])) == [])
    for (name, id) in [("a", 1), ("b", 2), ("c", 3)] {
      let lines = desk.answered(0, .success(.presence(channel(name), roster("alice"))), id: id)
      #expect(lines == [name == "c" ? "0: presence c #3 [alice]" : "0: error forbidden #\(id)"])
    }
  }

  @Test func whoMayNotEnterAnyMoreIsNotToldTheMembers() throws {
    var desk = Desk()
    desk.open(0)
    _ = desk.subscribe(0, "a", .watch, id: 1)
    _ = desk.attached("a")
    #expect(desk.adopt(ChannelRules([try rule("a") { $0.hasPresence = false }])).contains("0: error forbidden #1"))
    #expect(desk.entered(0, "a", roster("alice")) == [])
  }

  @Test func aRenewalIsLookedAtBeforeTheMembersAreTold() throws {
    var desk = Desk(rules: ChannelRules([try rule("*")]))
    desk.open(
      0, Identity(user: user("alice"), grants: [Grant(try #require(ChannelPattern("*")), [.subscribe, .presence])]))
    #expect(desk.presence(0, "a", id: 1) == ["query 0 a #1"])
    let less = Identity(user: user("alice"), grants: [Grant(try #require(ChannelPattern("*")), [.subscribe])])
    #expect(desk.verified(0, .success(less)) == ["0: authenticated alice"])
    #expect(
      desk.answered(0, .success(.presence(channel("a"), roster("alice"))), id: 1) == ["0: error forbidden #1"])
  }

  // MARK: The past

  private func history(_ capabilities: Capabilities) throws -> Identity {
    Identity(user: user("alice"), grants: [Grant(try #require(ChannelPattern("*")), capabilities)])
  }

  private func desk() throws -> Desk {
    var desk = Desk(rules: ChannelRules([try rule("*") { $0.history = HistoryRule(size: 10, timeToLive: 1000) }]))
    desk.open(0, try history([.subscribe, .history]))
    return desk
  }

  @Test func aRecoveryThatIsNotAllowedAnyMoreIsRefused() throws {
    var desk = try desk()
    for (id, since) in [(1, Since.time(5)), (2, nil)] {
      _ = desk.subscribe(0, "a\(id)", since: since, id: id)
      _ = desk.attached("a\(id)")
    }
    #expect(
      desk.verified(0, .success(try history(.subscribe))) == [
        "0: authenticated alice", "0: error forbidden #1", "detach a1",
      ])
    let read = HistoryRead(latest: StreamPosition(epoch: "e", offset: 1))
    #expect(desk.read(0, "a2", .success(read)) == ["0: subscribed a2 #2 at e/1"], "it asked for nothing of the past")
  }

  @Test func aHistoryThatMayNotBeReadAnyMoreIsNotTold() throws {
    var desk = try desk()
    let id = RequestID(json: "1")
    desk.hub.history(Desk.id(0), of: channel("a"), since: nil, limit: 5, request: id)
    #expect(desk.lines() == ["read 0 a newest 5 #1"])
    _ = desk.verified(0, .success(try history(.subscribe)))
    let read = HistoryRead(latest: StreamPosition(epoch: "e", offset: 1))
    #expect(desk.answered(0, .success(.history(channel("a"), read)), id: 1) == ["0: error forbidden #1"])
  }
}
