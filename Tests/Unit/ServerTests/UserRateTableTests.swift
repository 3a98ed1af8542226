import Hub
import Model
import Server
import TestSupport
import Testing

@Suite struct UserRateTableTests {
  @Test func theConnectionsOfAUserShareABucket() {
    let table = UserRateTable()
    let first = table.acquire(user("alice"), now: 0)
    #expect(table.acquire(user("alice"), now: 0) === first)
    #expect(table.acquire(user("bob"), now: 0) !== first)
    #expect(table.count == 2)
  }

  @Test func aBucketThatWasNeverUsedGoesWithTheLastConnection() {
    let table = UserRateTable()
    _ = table.acquire(user("alice"), now: 0)
    _ = table.acquire(user("alice"), now: 0)
    table.release(user("alice"), now: 1)
    #expect(table.count == 1)
    table.release(user("alice"), now: 1)
    #expect(table.count == 0)
    table.release(user("alice"), now: 1)
    #expect(table.count == 0)
  }

  @Test func aBucketOutlivesItsConnectionsUntilItIsFull() {
    let table = UserRateTable()
    var hub = Hub(
      limits: Hub.Limits(maxChannels: 1, rate: RateLimit(rate: 1, burst: 2), maxRecovery: 0),
      access: Hub.Authorization(rules: .standard(isOpen: true), requiresIdentity: false), users: table)
    /// Whether a new connection of alice may send a command, which it does.
    func isAllowed(at now: Int64) -> Bool {
      let id = SessionID(slot: 0, generation: 0)
      hub.open(id, client: ClientID("c"), identity: Identity(user: user("alice")), now: now, wall: 0)
      defer { hub.close(id, now: now) }
      if case .allowed = hub.admitCommand(id, now: now) { return true }
      return false
    }
    #expect([0, 0, 0, 1000, 1000, 60_000].map(isAllowed) == [true, true, false, true, false, true])
    #expect(table.count == 1, "it is not full yet")
    _ = table.acquire(user("alice"), now: 90_000)
    table.release(user("alice"), now: 90_000)
    #expect(table.count == 0)
  }

  @Test func fullBucketsAreSweptOut() {
    let table = UserRateTable()
    for number in 0..<1000 {
      let bucket = table.acquire(user("u\(number)"), now: 0)
      _ = bucket.take(RateLimit(rate: 1, burst: 1), now: 0)
      table.release(user("u\(number)"), now: 0)
    }
    #expect(table.count == 1000)
    for number in 0..<25 { _ = table.acquire(user("v\(number)"), now: 10_000) }
    #expect(table.count == 25)
  }
}
