import Cluster
import Model
import Testing

/// Who is connected, as it stands in Redis, and how a user is found by it.
struct ConnectionRegistryTests {
  private let alice = TestClient(1, user: "alice")
  private let bob = TestClient(2, user: "bob")
  private let nobody = TestClient(3)

  /// The registry in Redis: of each node and each user.
  private func registry(_ cluster: Cluster) throws -> [String: [String: String]] {
    var found: [String: [String: String]] = [:]
    let keys = try cluster.redis.list("KEYS", "apus:connections:*") + cluster.redis.list("KEYS", "apus:user:*")
    for key in keys { found[String(key.dropFirst(5))] = try cluster.redis.hash(key) }
    return found
  }

  /// What the registry holds when these are connected to that node, and no other anywhere.
  private func expected(_ clients: [TestClient], on node: BrokerHarness) -> [String: [String: String]] {
    var expected: [String: [String: String]] = [:]
    for client in clients {
      let user = client.user.map { "\"\($0)\"" } ?? "null"
      expected["connections:\(node.id)", default: [:]][client.id.string] =
        #"{"user":\#(user),"ip":"192.0.2.1","since":1730000000123}"#
      if let user = client.user { expected["user:\(user)", default: [:]][client.id.string] = node.id.string }
    }
    return expected
  }

  private func waitForRegistry(
    of clients: [TestClient], on node: BrokerHarness, _ cluster: Cluster, at location: SourceLocation = #_sourceLocation
  ) async throws {
    try await wait(
      until: { try registry(cluster) == expected(clients, on: node) }, "the registry is \(try registry(cluster))",
      at: location)
  }

  // MARK: Coming and going

  @Test func whoIsConnectedIsReadable() async throws {
    try await withCluster { cluster in
      let node = try await cluster.start("web-1")
      #expect(node.log.count(of: .register(0, .everybody)) == 1)
      for client in [alice, bob, nobody] { node.connect(client) }
      try await waitForRegistry(of: [alice, bob, nobody], on: node, cluster)
      for client in [alice, nobody] { node.disconnect(client) }
      try await waitForRegistry(of: [bob], on: node, cluster)
      // Known later, under the same id.
      node.connect(TestClient(4))
      node.connect(TestClient(4, user: "bob"))
      try await waitForRegistry(of: [bob, TestClient(4, user: "bob")], on: node, cluster)
      for client in [bob, TestClient(4, user: "bob")] { node.disconnect(client) }
      try await waitForRegistry(of: [], on: node, cluster)
    }
  }

  @Test func aNodeThatStopsLeavesNothingBehind() async throws {
    try await withCluster { cluster in
      let node = try await cluster.start("web-1")
      let other = try await cluster.start("web-2")
      let staying = TestClient(9, user: "u-0")
      other.connect(staying)
      // More than one batch.
      for number in 0..<600 { node.connect(TestClient(UInt32(1000 + number), user: UserName("u-\(number % 7)"))) }
      try await wait(
        until: { try cluster.redis.call("HLEN", "apus:connections:\(node.id)").integer == 600 }, "never written")
      await node.stop()
      let left = try registry(cluster)
      #expect(left == expected([staying], on: other))
      await other.stop()
      #expect(try cluster.redis.list("KEYS", "*") == ["apus:run"])
    }
  }

  @Test func userNamesOfAnyKind() async throws {
    try await withCluster { cluster in
      let node = try await cluster.start("web-1")
      for name in ["a b", "a:b", "\"\\", "漢字", "é", "e\u{301}", String(repeating: "x", count: 200)] {
        let user = try #require(UserName(name))
        let client = TestClient(7, user: user)
        node.connect(client)
        try await node.expect(.online, sending: "1", to: user, by: alice)
        try await wait(until: { node.log.events(for: .user(user)).count == 1 }, "\(name) was not told")
        node.disconnect(client)
        try await node.expect(.offline, sending: "1", to: user, by: alice)
      }
    }
  }

  // MARK: Several nodes

  @Test func eachNodeOfAUserIsToldOnce() async throws {
    try await withCluster { cluster in
      let nodes = [
        try await cluster.start("web-1"), try await cluster.start("web-2"), try await cluster.start("web-3"),
      ]
      for number in 0..<6 {
        // All on the first two nodes.
        nodes[number % 2].connect(TestClient(UInt32(10 + number), user: "bob", loop: number % 2))
        nodes[number % 2].flush()
      }
      try await wait(until: { try cluster.redis.call("HLEN", "apus:user:bob").integer == 6 }, "never written")
      try await nodes[2].expect(.online, sending: "1", to: "bob", by: alice)
      #expect(try await nodes[2].notify("2", .everybody) == .online)
      for node in nodes {
        try await wait(until: { !node.log.events(for: .everybody).isEmpty }, "\(node.id) was not told")
      }
      #expect(nodes.map { $0.log.events(for: .user("bob")).count } == [1, 1, 0])
      #expect(nodes.map { $0.log.events(for: .everybody).count } == [1, 1, 1])
    }
  }

  @Test func aDeadNodeIsNotOnlineAndIsReaped() async throws {
    try await withCluster { cluster in
      let (dead, survivor) = (try await cluster.start("web-1"), try await cluster.start("web-2"))
      let id = dead.id
      survivor.connect(bob)
      dead.connect(TestClient(4, user: "bob"))
      for number in 0..<600 { dead.connect(TestClient(UInt32(1000 + number), user: number % 2 == 0 ? "swarm" : nil)) }
      try await wait(
        until: { try cluster.redis.call("HLEN", "apus:connections:\(id)").integer == 601 }, "never written")
      try await survivor.expect(.online, sending: "1", to: "swarm", by: alice)
      dead.halt()
      // Its connections are cut with it: nobody takes anything there any more, whatever still stands in Redis.
      try await wait(until: { try await survivor.sent("1", to: "swarm", by: alice) == .offline }, "still online")
      try await survivor.expect(.online, sending: "1", to: "bob", by: alice)
      try await wait(
        until: { try registry(cluster) == expected([bob], on: survivor) }, "not reaped: \(try registry(cluster).keys)")
    }
  }

  // MARK: What Redis loses, and the link

  @Test func afterALostConnectionEverythingIsReported() async throws {
    try await withCluster { cluster in
      let node = try await cluster.start("web-1", timeout: 30_000)
      let clients = (10..<30).map { TestClient($0, user: $0 % 3 == 0 ? "bob" : nil, loop: Int($0) % 2) }
      for client in clients { node.connect(client) }
      try await waitForRegistry(of: clients, on: node, cluster)
      let killer = try cluster.redis.connect()
      _ = try killer.call("PING")
      // On their way when the connection is lost, or while it is away: nobody knows whether Redis has heard of it.
      try cluster.redis.whilePaused {
        try killer.send("CLIENT", "KILL", "TYPE", "normal")
        for client in clients.prefix(3) { node.disconnect(client) }
        node.flush()
      }
      try await wait(until: { node.log.count(of: .register(0, .nobody)) >= 2 }, "the loss was never told")
      for client in clients[3..<5] { node.disconnect(client) }
      let newcomer = TestClient(50, user: "carol")
      try await node.reportOpen(Array(clients.dropFirst(5)) + [newcomer], time: 2)
      try await waitForRegistry(of: Array(clients.dropFirst(5)) + [newcomer], on: node, cluster)
      #expect(node.log.identities().isEmpty)
    }
  }

  @Test func anEmptiedRedisIsFilledAgain() async throws {
    try await withCluster { cluster in
      let node = try await cluster.start("web-1")
      let clients = [alice, bob, nobody, TestClient(4, user: "bob", loop: 1)]
      for client in clients { node.connect(client) }
      try await waitForRegistry(of: clients, on: node, cluster)
      try cluster.redis.call("FLUSHALL")
      try await wait(until: { node.log.identities().count == 1 }, "no new identity")
      node.disconnect(alice)
      let open = Array(clients.dropFirst())
      try await node.reportOpen(open, time: 2)
      // Under the new id, and nothing under the old one.
      try await waitForRegistry(of: open, on: node, cluster)
      try await node.expect(.online, sending: "1", to: "bob", by: alice)
    }
  }

  @Test func aLostLeaseTakesNobodyOut() async throws {
    try await withCluster { cluster in
      let node = try await cluster.start("web-1")
      let old = node.id
      let clients = [alice, bob, nobody]
      for client in clients { node.connect(client) }
      try await waitForRegistry(of: clients, on: node, cluster)
      // Its lease is gone and its connections still stand there under the old id.
      try cluster.redis.call("DEL", "apus:node:\(old)")
      try await wait(until: { node.log.identities().count == 1 }, "no new identity")
      try await node.reportOpen(clients, time: 2)
      try await waitForRegistry(of: clients, on: node, cluster)
      // What is late for the old id takes nothing that is there by now.
      try cluster.redis.call("HSET", "apus:connections:\(old)", "c-2", #"{"user":"bob","ip":null,"since":1}"#)
      try cluster.redis.call("ZADD", "apus:nodes", "1", old.string)
      try await wait(
        until: { try cluster.redis.call("EXISTS", "apus:connections:\(old)").integer == 0 }, "the old id was not reaped"
      )
      try await waitForRegistry(of: clients, on: node, cluster)
    }
  }

  @Test func sendWithoutRedis() async throws {
    try await withCluster { cluster in
      let node = try await cluster.start("web-1", timeout: 30_000)
      node.connect(bob)
      try await node.expect(.online, sending: "1", to: "bob", by: alice)
      let killer = try cluster.redis.connect()
      _ = try killer.call("PING")
      try cluster.redis.whilePaused {
        try killer.send("CLIENT", "KILL", "TYPE", "normal")
        node.send("2", to: "bob", by: alice, id: "2")
        node.flush()
      }
      // Whether it went out is not known.
      try await wait(until: { node.log.sendAnswers(to: alice.session).count == 2 }, "never answered")
      #expect(node.log.sendAnswers(to: alice.session).last == .refused(.timeout))
      try await node.waitForLink(.up)
      cluster.redis.kill()
      try await node.waitForLink(.down)
      try await node.expect(.refused(.unavailable), sending: "3", to: "bob", by: alice)
      #expect(try await node.notify("3", .everybody) == .refused(.unavailable))
    }
  }

  @Test func aRedisThatForbidsIt() async throws {
    try await withCluster { cluster in
      let node = try await cluster.start("web-1")
      node.connect(bob)
      try await node.expect(.online, sending: "1", to: "bob", by: alice)
      try cluster.redis.call("ACL", "SETUSER", "default", "-hvals")
      try await node.expect(.refused(.unavailable), sending: "2", to: "bob", by: alice)
      try cluster.redis.call("ACL", "SETUSER", "default", "+hvals")
      try await node.expect(.online, sending: "3", to: "bob", by: alice)
      // What was refused is reported again, some time later.
      try cluster.redis.call("CONFIG", "SET", "maxmemory", "1")
      node.connect(nobody)
      node.flush()
      _ = try await node.sent("4", to: "bob", by: alice)
      try cluster.redis.call("CONFIG", "SET", "maxmemory", "0")
      try await node.reportOpen([bob, nobody], time: 2)
      try await waitForRegistry(of: [bob, nobody], on: node, cluster)
      #expect(node.log.links == [.lost, .up])
    }
  }

  /// One user whose key another program has taken is their own failure: nobody has to wait for what is not known of others.
  @Test func aKeyOfAnotherKind() async throws {
    try await withCluster { cluster in
      let node = try await cluster.start("web-1")
      try cluster.redis.call("SET", "apus:user:bob", "of another program")
      node.connect(bob)
      try await node.expect(.refused(.unavailable), sending: "1", to: "bob", by: alice)
      #expect(try cluster.redis.call("HEXISTS", "apus:run", "doubt").integer == 0)
      try await node.expect(.offline, sending: "2", to: "carol", by: alice)
    }
  }
}
