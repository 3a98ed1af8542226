import Cluster
import Model
import TestSupport
import Testing

@testable import Broker

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

  // MARK: Pages

  /// All pages of the room, one behind the other.
  private func pages(of room: MemoryRoom, limit: Int) -> [PresencePage] {
    var pages = [room.page(after: nil, limit: limit)]
    while let cursor = pages.last?.cursor, pages.count < 10_000 { pages.append(room.page(after: cursor, limit: limit)) }
    return pages
  }

  @Test func aPageTellsEachConnection() {
    var room = MemoryRoom()
    _ = room.join(connection("c-2", "alice", info: "1"), now: 5)
    _ = room.join(connection("c-1", "alice"), now: 6)
    _ = room.join(connection("c-3"), now: 7)
    _ = room.join(connection("c-2", "alice", info: "2"), now: 8)
    let page = room.page(after: nil, limit: 10)
    #expect(
      page
        == PresencePage(
          entries: [
            .init(connection("c-1", "alice"), node: "", since: 6),
            .init(connection("c-2", "alice", info: "2"), node: "", since: 5),
            .init(connection("c-3"), node: "", since: 7),
          ], count: 2))
  }

  @Test func anEmptyRoomHasOneEmptyPage() {
    #expect(MemoryRoom().page(after: nil, limit: 10) == PresencePage(entries: [], count: 0))
    #expect(MemoryRoom().page(after: "c-1", limit: 10) == PresencePage(entries: [], count: 0))
  }

  @Test(arguments: [1, 2, 3, 7, 99, 100, 101, 1000])
  func pagesTellEverybodyOnce(_ limit: Int) {
    var room = MemoryRoom()
    for number in 0..<100 { _ = room.join(connection("c-\(number)", number < 50 ? "alice" : nil), now: Int64(number)) }
    let pages = pages(of: room, limit: limit)
    #expect(pages.count == (100 + limit - 1) / limit, "none is short but the last, and none behind it is empty")
    #expect(pages.allSatisfy { $0.entries.count <= limit && $0.count == 51 })
    let clients = pages.flatMap(\.entries).map(\.connection.client.string)
    #expect(clients == (0..<100).map { "c-\($0)" }.sorted())
  }

  @Test func aCursorOutlivesWhoItNames() throws {
    var room = MemoryRoom()
    for client in ["c-1", "c-2", "c-3", "c-4"] { _ = room.join(connection(client), now: 1) }
    let cursor = try #require(room.page(after: nil, limit: 2).cursor)
    _ = room.leave(two)
    #expect(room.page(after: cursor, limit: 2).entries.map(\.connection.client.string) == ["c-3", "c-4"])
    _ = room.leave(three)
    _ = room.leave(ClientID("c-4"))
    #expect(room.page(after: cursor, limit: 2) == PresencePage(entries: [], count: 1))
  }

  @Test(arguments: ["", "0", "17.200", "zzz", "\u{0}", "é"])
  func anyTextIsACursor(_ cursor: String) {
    var room = MemoryRoom()
    _ = room.join(connection("c-1"), now: 1)
    let page = room.page(after: cursor, limit: 1)
    #expect(page.entries.count == ("c-1" > cursor ? 1 : 0) && page.count == 1 && page.cursor == nil)
  }
}
