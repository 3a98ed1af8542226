@testable import Broker
import Model
import TestSupport
import Testing

@Suite struct MemoryRoomTests {
  private let one = ClientID("c-1")
  private let two = ClientID("c-2")
  private let three = ClientID("c-3")

  @Test func aUserComesWithTheFirstConnectionAndGoesWithTheLast() {
    var room = MemoryRoom()
    #expect(room.isEmpty)
    #expect(room.join(connection("c-1", "alice"), now: 1) == true)
    #expect(room.join(connection("c-2", "alice"), now: 2) == false, "alice is there already")
    #expect(room.count == 1)
    #expect(room.leave(one) == nil, "alice is still there")
    #expect(room.leave(two) == connection("c-2", "alice"))
    #expect(room.isEmpty)
    #expect(room.count == 0)
    #expect(room.leave(two) == nil, "nobody leaves twice")
    #expect(room.count == 0)
  }

  @Test func anonymousConnectionsCountOneEach() {
    var room = MemoryRoom()
    #expect(room.join(connection("c-1"), now: 1) == true)
    #expect(room.join(connection("c-2"), now: 2) == true)
    #expect(room.join(connection("c-3", "alice"), now: 3) == true)
    #expect(room.count == 3)
    #expect(room.leave(one) == connection("c-1"))
    #expect(room.count == 2)
    #expect(room.leave(ClientID("c-9")) == nil)
    #expect(room.count == 2)
  }

  @Test func joiningAgainOnlyBringsTheInfoUpToDate() {
    var room = MemoryRoom()
    #expect(room.join(connection("c-1", "alice", info: "1"), now: 1) == true)
    #expect(room.join(connection("c-2", "bob"), now: 2) == true)
    #expect(room.join(connection("c-1", "alice", info: "2"), now: 3) == false)
    #expect(room.join(connection("c-3"), now: 4) == true)
    #expect(room.join(connection("c-3", info: "3"), now: 5) == false)
    #expect(room.count == 3)
    #expect(
      room.roster()
        == Roster(
          members: [
            Member(user: user("alice"), client: nil, clients: 1, info: "2"),
            Member(user: user("bob"), client: nil, clients: 1, info: nil),
            Member(user: nil, client: three, clients: 1, info: "3"),
          ], count: 3))
    #expect(room.leave(one) == connection("c-1", "alice", info: "2"))
  }

  @Test func aThousandConnectionsAreTold() {
    var room = MemoryRoom()
    for number in 0..<1000 { _ = room.join(connection("c-\(number)", "user-\(number % 500)"), now: 1) }
    #expect(room.roster().members?.count == 500)
    _ = room.join(connection("c-1000", "user-0"), now: 2)
    #expect(room.roster() == .truncated(count: 500))
    #expect(room.roster(maxBytes: .max) == .truncated(count: 500), "however little they say")
    _ = room.leave(one)
    #expect(room.roster().members?.count == 500)
    #expect(room.roster(maxBytes: 10_000) == .truncated(count: 500))
  }

  @Test func aLostConnectionStaysUntilTheGraceIsOver() {
    var room = MemoryRoom()
    _ = room.join(connection("c-1", "alice"), now: 1)
    #expect(room.leaveIfLost(one) == nil, "it was not lost")
    #expect(room.count == 1)
    room.lose(one)
    room.lose(ClientID("c-9"))
    #expect(room.count == 1)
    #expect(room.roster().count == 1)
    #expect(room.leaveIfLost(one) == connection("c-1", "alice"))
    #expect(room.leaveIfLost(one) == nil)
    #expect(room.isEmpty)
  }

  @Test func theUsersReturnElsewhereMakesTheLeaveSilent() {
    var room = MemoryRoom()
    _ = room.join(connection("c-1", "alice"), now: 1)
    room.lose(one)
    #expect(room.join(connection("c-2", "alice"), now: 2) == false, "no join")
    #expect(room.leaveIfLost(one) == nil, "no leave")
    #expect(room.count == 1)
    #expect(room.roster().members?.first?.clients == 1)
  }

  @Test func whoEntersAgainIsLostNoMore() {
    var room = MemoryRoom()
    _ = room.join(connection("c-1"), now: 1)
    room.lose(one)
    #expect(room.join(connection("c-1"), now: 2) == false)
    #expect(room.leaveIfLost(one) == nil)
    #expect(room.count == 1)
  }

  /// Many comings and goings against plain sets.
  @Test(arguments: UInt64(0)..<8)
  func countsAreRight(_ seed: UInt64) {
    var generator = SplitMix64(seed: seed)
    var room = MemoryRoom()
    var present: [Int: Int?] = [:]
    for step in 0..<2000 {
      let number = Int.random(in: 0..<30, using: &generator)
      let client = "c-\(number)"
      // Connection n belongs to one of four users, or to none.
      let owner: Int? = number % 5 == 4 ? nil : number % 5
      let others = present.filter { $0.key != number }.values
      let isAlone = owner == nil || !others.contains(owner)
      if Bool.random(using: &generator) {
        let isNew = present[number] == nil
        let hasCome = room.join(connection(client, owner.map { "user-\($0)" }), now: Int64(step))
        #expect(hasCome == (isNew && isAlone), "seed \(seed), step \(step)")
        present[number] = .some(owner)
      } else {
        let wasThere = present.removeValue(forKey: number) != nil
        #expect((room.leave(ClientID(client)) != nil) == (wasThere && isAlone), "seed \(seed), step \(step)")
      }
      let users = Set(present.values.compactMap { $0 })
      let anonymous = present.values.count { $0 == nil }
      #expect(room.count == users.count + anonymous, "seed \(seed), step \(step)")
      #expect(room.isEmpty == present.isEmpty)
    }
    let connections = room.roster().members?.reduce(0) { $0 + $1.clients }
    #expect(connections == present.count)
    #expect(room.roster().count == room.count)
  }
}
