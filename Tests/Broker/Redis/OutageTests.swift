import Cluster

import Model
import Testing

/// Redis is not there, or does not answer.
struct OutageTests {
  @Test func redisMayComeLater() async throws {
    try await withCluster(isRunning: false) { cluster in
      let node = try cluster.begin("web-1")
      let client = TestClient(1, user: "alice")
      try await node.waitForLink(.down)
      let status = await node.status()
      #expect(!status.isReady)
      #expect(status.dependencies.first { $0.name == "redis" }?.failure?.isEmpty == false)
      node.publish("1", to: "room", by: client)
      try await wait(until: { !node.log.publishAnswers(to: client.session).isEmpty }, "no answer")
      #expect(node.log.publishAnswers(to: client.session) == [.unavailable])
      #expect(try await node.enter(client, "room") == .refused(.unavailable))
      node.leave(client, "room")
      #expect(try await node.roster("room") == .refused(.unavailable))
      node.report(.attach("room"))

      try await cluster.redis.start()
      try await node.waitForLink(.up)
      try await wait(until: { node.log.count(of: .attached("room")) == 1 }, "never attached")
      #expect(try await node.enter(client, "room").summary == "alice 1")
      try await node.settle("room")
      #expect(node.log.count(of: .attached("room")) == 1)
      #expect(await node.status().isReady)
    }
  }

  @Test func aRestartedRedisIsFilledAgain() async throws {
    try await withCluster { cluster in
      let node = try await cluster.start("web-1")
      let (client, asker) = (TestClient(1, user: "alice"), TestClient(2))
      for loop in 0..<2 { try await node.attach("room", from: loop) }
      try await node.enter(client, "room")
      let old = node.id
      for round in 1...2 {
        cluster.redis.kill()
        try await node.waitForLink(.down)
        #expect(await node.status().isReady == false)
        node.publish("\(round)", to: "room", by: asker, id: "1")
        try await wait(
          until: { node.log.publishAnswers(to: asker.session).count == round }, "no answer to publish \(round)")
        #expect(node.log.publishAnswers(to: asker.session).last == .unavailable)

        try await cluster.redis.start()
        try await node.waitForLink(.up)
        for loop in 0..<2 {
          try await wait(
            until: { node.log.count(of: .attached("room"), on: loop) > round }, "not attached again on loop \(loop)")
        }
        try await node.expectRoster("room", "alice 1")
        try await node.settle("room")
      }
      // An empty Redis knows no lease, so the node goes on under another name, once for each time.
      for loop in 0..<2 { #expect(node.log.identities(on: loop).count == 2) }
      #expect(node.id != old)
      let entry = try #require(try cluster.redis.hash("apus:presence:room")["c-1"])
      #expect(entry.contains(#""node":"\#(node.id)""#))
      #expect(try cluster.redis.list("ZRANGE", "apus:nodes", "0", "-1") == [node.id.string])
      #expect(await node.status().isReady)
    }
  }

  @Test func aRedisThatIsSilentIsGivenUp() async throws {
    try await withCluster { cluster in
      let node = try await cluster.start("web-1", timeout: 2000)
      let (alice, bob) = (TestClient(1, user: "alice"), TestClient(2, user: "bob"))
      let (publisher, asker, late) = (TestClient(3), TestClient(4), TestClient(5))
      try await node.attach("room")
      for client in [alice, bob] { try await node.enter(client, "room") }

      cluster.redis.pause()
      node.publish("1", to: "room", by: publisher, id: "1")
      node.ask(.presence("room", onlyCount: true), by: .command(asker.session, nil))
      node.sendEnter(late, "room")
      try await node.waitForLink(.down)
      // On its way when Redis fell silent: nobody knows whether it was carried out.
      #expect(node.log.publishAnswers(to: publisher.session) == [.timeout])
      #expect(node.log.queryAnswers(to: asker.session) == [.refused(.unavailable)])
      #expect(node.log.enterAnswers(to: late.session, in: "room") == [.refused(.unavailable)])
      node.leave(late, "room")
      node.leave(bob, "room")
      node.publish("2", to: "room", by: publisher, id: "2")
      try await wait(until: { node.log.publishAnswers(to: publisher.session).count == 2 }, "no answer")
      #expect(node.log.publishAnswers(to: publisher.session) == [.timeout, .unavailable])

      cluster.redis.resume()
      try await node.waitForLink(.up)
      // Who left, or was refused, meanwhile is gone.
      try await node.expectRoster("room", "alice 1")
      try await node.settle("room")
      #expect(node.log.publishAnswers(to: publisher.session).count == 2)
      #expect(node.log.queryAnswers(to: asker.session).count == 1)
      #expect(node.log.enterAnswers(to: late.session, in: "room").count == 1)
      #expect(await node.status().isReady)
    }
  }

  @Test func stoppingDoesNotWaitForASilentRedis() async throws {
    try await withCluster { cluster in
      let node = try await cluster.start("web-1", timeout: 500)
      try await node.enter(TestClient(1, user: "alice"), "room")
      cluster.redis.pause()
      await node.stop()
      cluster.redis.resume()
    }
  }
}
