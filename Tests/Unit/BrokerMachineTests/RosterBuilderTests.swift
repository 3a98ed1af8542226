@testable import Broker
import Model
import TestSupport
import Testing

@Suite struct RosterBuilderTests {
  private struct Entry {
    var client: String
    var user: String?
    var info: String?
    var since: Int64
  }

  /// A roster as lines of text: who, how many connections, info.
  private func lines(_ entries: [Entry]) -> [String] {
    var builder = RosterBuilder()
    for entry in entries {
      builder.add(client: ClientID(entry.client), user: entry.user.map(user), info: entry.info, since: entry.since)
    }
    let roster = builder.roster()
    #expect(roster.count == roster.members?.count)
    return (roster.members ?? []).map { member in
      #expect((member.user == nil) == (member.client != nil), "only anonymous ones show their connection")
      return "\(member.user?.string ?? member.client?.string ?? "?") \(member.clients) \(member.info ?? "-")"
    }
  }

  private func permutations(_ entries: [Entry]) -> [[Entry]] {
    guard let first = entries.first else { return [[]] }
    return permutations(Array(entries.dropFirst())).flatMap { rest in
      (0...rest.count).map { Array(rest[..<$0]) + [first] + Array(rest[$0...]) }
    }
  }

  @Test func nobodyIsAnEmptyRoster() {
    #expect(lines([]) == [])
    #expect(RosterBuilder().roster() == Roster(members: [], count: 0))
  }

  @Test func connectionsOfAUserAreOneEntry() {
    let entries = [
      Entry(client: "c-1", user: "alice", info: "1", since: 10), Entry(client: "c-2", user: "bob", since: 5),
      Entry(client: "c-3", user: "alice", since: 20), Entry(client: "c-4", user: "alice", info: "4", since: 15),
    ]
    for order in permutations(entries) {
      #expect(lines(order) == ["bob 1 -", "alice 3 4"], "whatever the order in which they are read")
    }
  }

  @Test func anonymousConnectionsAreEntriesOfTheirOwn() {
    let entries = [
      Entry(client: "c-1", info: "1", since: 30), Entry(client: "c-2", since: 10),
      Entry(client: "c-3", user: "alice", since: 20),
    ]
    for order in permutations(entries) { #expect(lines(order) == ["c-2 1 -", "alice 1 -", "c-1 1 1"]) }
  }

  @Test func whoCameTogetherIsSortedByName() {
    let entries = [
      Entry(client: "c-1", user: "bob", since: 10), Entry(client: "c-2", user: "alice", since: 10),
      Entry(client: "c-3", user: "carol", since: 10),
    ]
    for order in permutations(entries) { #expect(lines(order) == ["alice 1 -", "bob 1 -", "carol 1 -"]) }
  }

  @Test func namesAreComparedByBytes() {
    let entries = [
      Entry(client: "c-1", user: "caf\u{E9}", since: 1), Entry(client: "c-2", user: "cafe\u{301}", since: 2),
    ]
    #expect(lines(entries).count == 2)
  }

  /// A user may be called like a connection.
  @Test func usersAndConnectionsDoNotMix() {
    #expect(lines([Entry(client: "x", since: 1), Entry(client: "y", user: "x", since: 2)]) == ["x 1 -", "x 1 -"])
  }

  @Test func whatDoesNotFitIsTheCountAlone() {
    var builder = RosterBuilder()
    let info = "\"\(String(repeating: "x", count: 98))\""
    for number in 0..<100 {
      builder.add(client: ClientID("c-\(number)"), user: nil, info: info, since: Int64(number))
      builder.add(client: ClientID("d-\(number)"), user: user("alice"), info: info, since: Int64(number))
    }
    let whole = builder.roster(maxBytes: 20_000)
    #expect(whole.members?.count == 101 && !whole.isTruncated)
    #expect(builder.roster(maxBytes: 10_000) == .truncated(count: 101))
    #expect(builder.roster(maxBytes: 0) == .truncated(count: 101))
  }
}
