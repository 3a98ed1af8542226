@testable import Broker
import Model
import TestSupport
import Testing

/// Sends whose answer waits are asked for again a few times a second, and are not without bound.
@Suite struct UserLookupsTests {
  private func lookup(_ number: Int) throws -> UserLookups.Lookup {
    UserLookups.Lookup(user: try #require(UserName("u\(number)")), since: 5) { _ in }
  }

  @Test func allAreAskedForTogetherAndNotTooOften() throws {
    var lookups = UserLookups()
    #expect(lookups.take(now: 0).isEmpty)
    for number in 1...3 { lookups.add(try lookup(number)) }
    #expect(lookups.take(now: 1).map(\.user.string) == ["u1", "u2", "u3"])
    lookups.add(try lookup(4))
    #expect(lookups.take(now: UserLookups.interval).isEmpty)
    #expect(lookups.take(now: UserLookups.interval + 1).count == 1)
  }

  @Test func nobodyIsAskedForAllTheTime() throws {
    let lookup = try lookup(1)
    #expect(!lookup.isOverdue(now: 5 + UserLookups.timeout - 1))
    #expect(lookup.isOverdue(now: 5 + UserLookups.timeout))
  }

  @Test func thoseBeingAskedForCount() throws {
    var lookups = UserLookups()
    for number in 1...UserLookups.capacity {
      #expect(lookups.hasRoom)
      lookups.add(try lookup(number))
    }
    #expect(!lookups.hasRoom)
    #expect(lookups.take(now: 0).count == UserLookups.capacity)
    #expect(!lookups.hasRoom)
    lookups.ended()
    #expect(lookups.hasRoom)
    #expect(lookups.takeAll().isEmpty)
  }
}
