@testable import Broker
import Model
import TestSupport
import Testing

@Suite struct PresenceTableTests {
  private let one = ClientID("c-1")
  private let two = ClientID("c-2")
  private let room = channel("room")

  /// Ends a membership that is there.
  private func leave(_ table: inout PresenceTable, _ client: ClientID) throws -> PresenceTable.Membership {
    let membership = table.leave(client, room)
    return try #require(membership)
  }

  @Test func aMembershipIsRememberedUntilItsEndIsConfirmed() throws {
    var table = PresenceTable()
    #expect(table.isEmpty)
    let membership = table.enter(connection("c-1", "alice"), room, now: 100)
    #expect(membership.since == 100)
    #expect(membership.isWanted && !membership.isLost)
    #expect(table.isWanted(one, in: room))
    let end = try leave(&table, one)
    #expect(end.connection == connection("c-1", "alice"))
    #expect(!table.isWanted(one, in: room))
    #expect(table.membership(one, in: room) != nil, "Redis may have it still")
    #expect(table.left(one, room, version: end.version) == true)
    #expect(table.isEmpty)
  }

  @Test func enteringAgainChangesInfoAndVersionAndKeepsTheTime() {
    var table = PresenceTable()
    let first = table.enter(connection("c-1", info: "1"), room, now: 100)
    let second = table.enter(connection("c-1", info: "2"), room, now: 200)
    #expect(second.since == 100)
    #expect(second.version != first.version)
    #expect(second.connection.info == "2")
    #expect(table.all.count == 1)
  }

  @Test func leavingTwiceIsToldOnce() {
    var table = PresenceTable()
    #expect(table.leave(one, room) == nil, "nobody is there")
    _ = table.enter(connection("c-1"), room, now: 0)
    #expect(table.leave(two, room) == nil)
    #expect(table.leave(one, channel("other")) == nil)
    #expect(table.leave(one, room) != nil)
    #expect(table.leave(one, room) == nil)
  }

  // MARK: Late confirmations

  @Test func theLateConfirmationOfAnOldLeaveDoesNotRemoveANewMembership() throws {
    var table = PresenceTable()
    _ = table.enter(connection("c-1", info: "old"), room, now: 0)
    let end = try leave(&table, one)
    _ = table.enter(connection("c-1", info: "new"), room, now: 10)
    #expect(table.left(one, room, version: end.version) == false)
    #expect(table.isWanted(one, in: room))
    #expect(table.membership(one, in: room)?.connection.info == "new")
  }

  @Test func ofTwoLeavesOnlyTheNewestConfirmationCounts() throws {
    var table = PresenceTable()
    _ = table.enter(connection("c-1"), room, now: 0)
    let first = try leave(&table, one)
    _ = table.enter(connection("c-1"), room, now: 0)
    let second = try leave(&table, one)
    #expect(table.left(one, room, version: first.version) == false)
    #expect(table.membership(one, in: room) != nil)
    #expect(table.left(one, room, version: second.version) == true)
    #expect(table.left(one, room, version: second.version) == false, "it has gone")
  }

  @Test func theConfirmationOfAnEntryEndsNothing() throws {
    var table = PresenceTable()
    let entry = table.enter(connection("c-1"), room, now: 0)
    let end = try leave(&table, one)
    #expect(entry.version != end.version)
    #expect(table.left(one, room, version: entry.version) == false)
    #expect(table.membership(one, in: room) != nil)
  }

  @Test func versionsAreNeverUsedTwice() {
    var table = PresenceTable()
    var seen: Set<UInt64> = []
    for round in 0..<100 {
      for name in ["a", "b"] {
        for client in ["c-1", "c-2"] {
          #expect(seen.insert(table.enter(connection(client), channel(name), now: round).version).inserted)
          if round % 3 == 0, let end = table.leave(ClientID(client), channel(name)) {
            #expect(seen.insert(end.version).inserted)
            _ = table.left(ClientID(client), channel(name), version: end.version)
          }
        }
      }
    }
  }

  // MARK: The last of a channel

  @Test func theLastOneOfAChannelIsTold() throws {
    var table = PresenceTable()
    _ = table.enter(connection("c-1"), room, now: 0)
    _ = table.enter(connection("c-2"), room, now: 0)
    _ = table.enter(connection("c-1"), channel("other"), now: 0)
    let first = try leave(&table, one)
    #expect(table.left(one, room, version: first.version) == false, "another is left")
    let second = try leave(&table, two)
    #expect(table.left(two, room, version: second.version) == true)
    #expect(!table.isEmpty, "another channel is left")
    #expect(table.all.map(\.channel) == [channel("other")])
  }

  @Test func oneThatWaitsForItsEndIsNotNothing() throws {
    var table = PresenceTable()
    _ = table.enter(connection("c-1"), room, now: 0)
    _ = table.enter(connection("c-2"), room, now: 0)
    let first = try leave(&table, one)
    _ = try leave(&table, two)
    #expect(table.left(one, room, version: first.version) == false)
    #expect(table.all.count == 1)
    #expect(table.all.allSatisfy { !$0.membership.isWanted })
  }

  // MARK: Lost connections

  @Test func aLostConnectionStaysAMember() {
    var table = PresenceTable()
    #expect(table.lose(one, room) == false, "nobody is there")
    _ = table.enter(connection("c-1"), room, now: 0)
    #expect(table.lose(one, room) == true)
    #expect(table.isWanted(one, in: room))
    #expect(table.membership(one, in: room)?.isLost == true)
    #expect(table.leave(one, room) != nil)
    #expect(table.lose(one, room) == false, "it is leaving")
  }

  @Test func whoEntersAgainIsLostNoMore() {
    var table = PresenceTable()
    _ = table.enter(connection("c-1"), room, now: 0)
    _ = table.lose(one, room)
    #expect(!table.enter(connection("c-1"), room, now: 5).isLost)
  }
}
