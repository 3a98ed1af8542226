import Cluster
import Model
import Testing

@testable import Broker

/// A Redis whose memory is full refuses what would take more, and nothing besides.
struct FullRedisTests {
  private let alice = TestClient(1, user: "alice")
  private let bob = TestClient(2, user: "bob")

  private func fill(_ redis: RedisProcess) throws { try redis.call("CONFIG", "SET", "maxmemory", "1") }
  private func empty(_ redis: RedisProcess) throws { try redis.call("CONFIG", "SET", "maxmemory", "0") }

  @Test func leasesAreRenewedAndDeadNodesAreReaped() async throws {
    try await withCluster { cluster in
      let node = try await cluster.start("web-1")
      let dead = try await cluster.start("web-2")
      let (id, name) = (dead.id, node.id)
      try await node.attach("room")
      try await node.enter(alice, "room")
      try await dead.enter(bob, "room")
      dead.connect(bob)
      try await wait(until: { try cluster.redis.call("EXISTS", "apus:user:bob").integer == 1 }, "never written")
      try fill(cluster.redis)
      dead.halt()
      try await wait(until: { try cluster.redis.call("ZSCORE", "apus:nodes", id.string).text.isEmpty }, "never reaped")
      // That took longer than a lease lasts.
      #expect(await node.status().isReady)
      #expect(node.id == name && node.log.links == [.lost, .up])
      #expect(try cluster.redis.call("EXISTS", "apus:node:\(name)").integer == 1)
      #expect(node.log.changes(in: "room") == ["+alice 1", "+bob 2", "-bob 1"])
      #expect(try cluster.redis.call("EXISTS", "apus:user:bob", "apus:connections:\(id)").integer == 0)
    }
  }

  @Test func aNodeComesBackAndBringsItsMembers() async throws {
    try await withCluster { cluster in
      let node = try await cluster.start("web-1")
      let old = node.id
      try await node.attach("room")
      for client in [alice, bob] { try await node.enter(client, "room") }
      try fill(cluster.redis)
      // Under another id, since the lease is gone by then.
      try cluster.redis.call("DEL", "apus:node:\(old)")
      try cluster.redis.call("CLIENT", "KILL", "TYPE", "normal")
      try await wait(until: { node.log.identities().count == 1 }, "no new identity")
      try await node.waitForLink(.up)
      try await wait(
        until: { try cluster.redis.call("EXISTS", "apus:channels:\(old)").integer == 0 }, "the old id was not reaped")
      try await node.settle("room")
      #expect(node.log.changes(in: "room") == ["+alice 1", "+bob 2"])
      try await node.expectRoster("room", "alice 1, bob 1")
      let late = try await cluster.start("web-2")
      #expect(await late.status().isReady)
    }
  }

  @Test func historiesAreReadAndNotWritten() async throws {
    try await withCluster { cluster in
      let node = try await cluster.start("web-1")
      node.publish(draft: "1", to: "room", by: alice, id: "1")
      try await wait(until: { node.log.publishAnswers(to: alice.session).count == 1 }, "not answered")
      try fill(cluster.redis)
      #expect(try await node.read("room", .newest(10), by: alice).offsets == [1])
      #expect(try await node.read("hall", .position, by: alice).latest?.offset == 0)
      node.publish(draft: "2", to: "room", by: alice, id: "2")
      node.publish(draft: "2", to: "hall", by: alice, id: "2")
      try await wait(until: { node.log.publishAnswers(to: alice.session).count == 3 }, "not answered")
      #expect(node.log.publishAnswers(to: alice.session) == [nil, .unavailable, .unavailable])
      // Emptied, too: a read writes the one key for all.
      try cluster.redis.call("DEL", "apus:run", "apus:meta:room", "apus:history:room")
      #expect(try await node.read("room", .position, by: alice).latest?.offset == 0)
      try empty(cluster.redis)
      node.publish(draft: "3", to: "hall", by: alice, id: "3")
      try await wait(until: { node.log.publishAnswers(to: alice.session).count == 4 }, "not answered")
      #expect(try await node.read("hall", .newest(10), by: alice).offsets == [1])
    }
  }

  /// Who cannot be written down gets what is sent to them all the same, and is not called offline.
  @Test func whoConnectsMeanwhileIsReached() async throws {
    try await withCluster { cluster in
      let (first, second) = (try await cluster.start("web-1"), try await cluster.start("web-2"))
      for node in [first, second] { try await node.reportOpen([]) }
      try fill(cluster.redis)
      second.connect(bob)
      try await wait(
        until: { try cluster.redis.call("HEXISTS", "apus:run", "doubt").integer == 1 }, "nobody knows of it")
      first.send("1", to: "bob", by: alice, id: "1")
      try await wait(until: { second.log.events(for: .user("bob")).count == 1 }, "bob was not told")
      try empty(cluster.redis)
      try await second.reportOpen([bob], time: 2)
      try await wait(until: { !first.log.sendAnswers(to: alice.session).isEmpty }, "not answered")
      #expect(first.log.sendAnswers(to: alice.session) == [.online])
    }
  }

  /// A message that is refused has not gone out, and is not known under its key.
  @Test func aKeyIsNotTakenByWhatWasRefused() async throws {
    try await withCluster { cluster in
      let node = try await cluster.start("web-1")
      try await node.attach("room")
      let publish = { (count: Int) in
        node.publish(draft: "1", to: "room", by: alice, id: "1", keeping: nil, key: "k")
        try await wait(until: { node.log.publishAnswers(to: alice.session).count == count }, "not answered")
      }
      try fill(cluster.redis)
      try await publish(1)
      try empty(cluster.redis)
      try cluster.redis.call("ACL", "SETUSER", "default", "-publish")
      try await publish(2)
      try cluster.redis.call("ACL", "SETUSER", "default", "+publish")
      #expect(node.log.publishAnswers(to: alice.session) == [.unavailable, .unavailable])
      #expect(node.log.messages(in: "room").isEmpty)
      try await publish(3)
      try await wait(until: { node.log.messages(in: "room").count == 1 }, "it never came")
    }
  }
}
