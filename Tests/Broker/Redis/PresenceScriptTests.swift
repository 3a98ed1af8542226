import Model
import Redis
import Testing

@testable import Broker

/// The scripts `join`, `leave` and `roster` in a real Redis against the room in memory: listeners are told the same,
/// and the same members are there. `PresenceTwin` compares.
struct PresenceScriptTests {
  private func withTwin(_ test: (PresenceTwin, RedisProcess) throws -> Void) async throws {
    try await withCluster { cluster in
      let twin = try PresenceTwin(cluster.redis)
      try test(twin, cluster.redis)
    }
  }

  private func connection(_ client: String, _ user: UserName? = nil, info: String? = nil) -> MemberConnection {
    MemberConnection(client: ClientID(client), user: user, info: info)
  }

  @Test func aUserComesOnceAndGoesOnce() async throws {
    try await withTwin { twin, _ in
      #expect(try twin.join(connection("c-1", "alice"), "room"))
      #expect(try !twin.join(connection("c-2", "alice"), "room"))
      #expect(try !twin.join(connection("c-1", "alice", info: "1"), "room"), "it only has another info")
      #expect(try twin.roster("room").members?.map(\.clients) == [2])
      #expect(try twin.leave([(ClientID("c-1"), "alice")], "room") == 0)
      #expect(try twin.leave([(ClientID("c-1"), "alice")], "room") == 0, "twice")
      #expect(try twin.leave([(ClientID("c-2"), "alice")], "room") == 1)
      try twin.expectNoLeftovers()
    }
  }

  @Test func anonymousConnectionsAreCountedOneByOne() async throws {
    try await withTwin { twin, _ in
      #expect(try twin.join(connection("c-1"), "room"))
      #expect(try twin.join(connection("c-2"), "room"))
      #expect(try twin.join(connection("c-3", "alice"), "room"))
      #expect(try twin.roster("room", onlyCount: true).count == 3)
      #expect(try twin.leave([(ClientID("c-1"), nil), (ClientID("c-2"), nil), (ClientID("c-9"), nil)], "room") == 2)
      #expect(try twin.roster("room").count == 1)
      try twin.leave([(ClientID("c-3"), "alice")], "room")
      try twin.expectNoLeftovers()
    }
  }

  @Test func anEntryThatHasChangedMeanwhileStays() async throws {
    try await withCluster { cluster in
      let caller = try ScriptCaller(cluster.redis)
      let scripts = PresenceScripts(keys: RedisKeys(prefix: "apus:"))
      try cluster.redis.call("HSET", "apus:node:n", "id", "n")
      let join = scripts.join(connection("c-1", "alice"), "room", node: "n", since: 5, isAgain: false)
      _ = try caller.run(join) { $0.string }
      let leave = { (since: Int) in
        let entry = PresenceEntry(user: "alice", node: "n", since: since).encoded()
        let call = scripts.leave([.init(client: ClientID("c-1"), user: "alice", entry: entry)], "room")
        return try caller.run(call) { $0.integer }
      }
      #expect(try leave(4) == 0)
      #expect(try leave(5) == 1)
    }
  }

  @Test func aNodeWithoutALeaseEntersNobody() async throws {
    try await withTwin { twin, redis in
      try redis.call("DEL", "apus:node:web-1.x3f9")
      #expect(throws: (any Error).self) { try twin.join(connection("c-1"), "room") }
      #expect(try redis.list("KEYS", "*") == [])
    }
  }

  @Test(arguments: UInt64(0)..<4)
  func bothSayTheSame(_ seed: UInt64) async throws {
    try await withTwin { twin, _ in
      var presence = RandomPresence(seed: seed)
      for step in 0..<1500 {
        do { try presence.step(twin) } catch {
          Issue.record("seed \(seed), step \(step)")
          throw error
        }
      }
      #expect(
        presence.come > 100 && presence.gone > 100 && presence.truncated > 10 && presence.unheard > 100, "\(presence)")
    }
  }
}
