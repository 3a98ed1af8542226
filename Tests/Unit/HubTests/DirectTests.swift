import Cluster
import Hub
import Model
import TestSupport
import Testing

@Suite struct DirectTests {
  private static func rules(_ level: DirectLevel) -> ChannelRules {
    ChannelRules([.standard(.all, isOpen: true)], direct: level)
  }

  private func send(_ desk: inout Desk, _ slot: UInt32, id: Int? = nil) -> [String] {
    desk.hub.send(Desk.id(slot), to: user("bob"), request: id.map { RequestID(json: "\($0)") }) { Array("hi".utf8) }
    return desk.lines()
  }

  // MARK: Who may

  @Test(arguments: DirectLevel.allCases)
  func theRuleDecides(_ level: DirectLevel) {
    var desk = Desk(rules: Self.rules(level))
    desk.open(0)
    desk.open(1, user: "alice")
    let (refused, sent) = (["0: error forbidden #1"], ["send 0 to bob #1 'hi'"])
    #expect(send(&desk, 0, id: 1) == (level == .anyone ? sent : refused))
    #expect(send(&desk, 1) == (level == .server ? ["1: error forbidden"] : ["send 1 to bob 'hi'"]))
  }

  @Test func newRulesCountAtOnce() {
    var desk = Desk(rules: Self.rules(.server))
    desk.open(0)
    #expect(send(&desk, 0) == ["0: error forbidden"])
    _ = desk.adopt(Self.rules(.anyone))
    #expect(send(&desk, 0) == ["send 0 to bob 'hi'"])
  }

  @Test func strangersMustSayWhoTheyAre() {
    var desk = Desk(rules: Self.rules(.anyone), requiresIdentity: true)
    desk.open(0)
    #expect(send(&desk, 0, id: 1) == ["0: error unauthenticated #1"])
    #expect(send(&desk, 7) == [], "a slot that was never used")
  }

  @Test func theAnswerGoesToTheSender() {
    var desk = Desk()
    desk.open(0)
    #expect(desk.answered(0, .success(.sent(isOnline: true)), id: 1) == ["0: sent #1 online"])
    #expect(desk.answered(0, .success(.sent(isOnline: false)), id: 1) == ["0: sent #1 offline"])
    #expect(desk.answered(0, .success(.sent(isOnline: true))) == [])
    #expect(desk.answered(0, .failure(Refusal(.timeout, "No answer.")), id: 1) == ["0: error timeout #1"])
    #expect(desk.answered(0, .failure(Refusal(.unavailable, "No link."))) == ["0: error unavailable"])
    desk.hub.answered(.command(Desk.id(0, 1), RequestID(json: "1")), .success(.sent(isOnline: true)))
    #expect(desk.lines() == [], "of an earlier connection")
  }

  // MARK: Whose connections

  private func slots(_ desk: Desk, _ name: String) -> [UInt32] {
    desk.hub.slots(of: .user(user(name))).sorted()
  }

  @Test func aUserHasAllTheirConnections() {
    var desk = Desk()
    for slot in 0..<6 as Range<UInt32> { desk.open(slot, user: slot % 2 == 0 ? "alice" : "bob") }
    desk.open(6)
    #expect(slots(desk, "alice") == [0, 2, 4])
    #expect(slots(desk, "bob") == [1, 3, 5])
    #expect(slots(desk, "carol") == [])
    // From the middle, the newest, and the last of all.
    _ = desk.close(2)
    #expect(slots(desk, "alice") == [0, 4])
    _ = desk.close(4)
    #expect(slots(desk, "alice") == [0])
    _ = desk.close(0)
    #expect(slots(desk, "alice") == [])
    #expect(slots(desk, "bob") == [1, 3, 5])
  }

  @Test func aSlotThatIsUsedAgainIsOfItsNewUser() {
    var desk = Desk()
    desk.open(0, user: "alice")
    desk.open(1, user: "alice")
    _ = desk.close(0)
    desk.open(0, generation: 1, user: "bob")
    #expect(slots(desk, "alice") == [1])
    #expect(slots(desk, "bob") == [0])
  }

  @Test func whoIsKnownLaterIsFoundThen() {
    var desk = Desk(requiresIdentity: true)
    desk.open(0, 1)
    desk.open(2, user: "alice")
    #expect(slots(desk, "alice") == [2])
    #expect(desk.hub.slots(of: .everybody) == [2], "strangers are told nothing")
    _ = desk.verified(0, .success(Identity(user: user("alice"))))
    // A renewal changes nothing.
    for expires in [100, 200] { _ = desk.verified(0, .success(Identity(user: user("alice"), expires: Int64(expires)))) }
    #expect(slots(desk, "alice") == [0, 2])
    #expect(desk.hub.slots(of: .everybody) == [0, 2])
    _ = desk.close(0)
    #expect(slots(desk, "alice") == [2])
  }

  @Test func everybodyIsEverybodyWhereNobodyMustBeKnown() {
    var desk = Desk()
    desk.open(0, 3)
    desk.open(1, user: "alice")
    #expect(desk.hub.slots(of: .everybody) == [0, 1, 3])
  }
}
