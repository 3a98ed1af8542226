import Cluster
import JSON
import Server
import Testing

@testable import Node

/// What a node tells of itself: to `GET /api/nodes`, and in `demo:stats`.
@Suite struct NodeRowTests {
  private static let loops = [
    LoopTotals(
      connections: 2, subscriptions: 3, published: 10, delivered: 100, outboxBytes: 7,
      disconnects: ["4009": 1, "1000": 9],
      refused: [503: 2, 400: 1]),
    LoopTotals(connections: 1, published: 1, delivered: 1, disconnects: ["4009": 4, "4008": 1], refused: [431: 1]),
  ]

  private static func broker(_ shards: [BrokerStatus.Shard]) -> BrokerStatus {
    var broker = BrokerStatus()
    broker.gaps = 6
    broker.shards = shards
    return broker
  }

  private func row(_ broker: BrokerStatus?) throws -> JSONObject {
    let row = NodeRow(
      description: .init(name: "web-1", host: "h", version: "1", started: 5), isDraining: true, memory: 9,
      loops: Self.loops, rates: Traffic.Rates(published: 1.5), broker: broker)
    return try #require(JSONObject(String(decoding: row.text, as: UTF8.self)))
  }

  @Test func whatLoopsHaveCountedIsSummedUp() throws {
    let row = try row(Self.broker([]))
    #expect(row.integer("connections") == 3 && row.integer("subscriptions") == 3 && row.integer("outbox") == 7)
    #expect(row.number("published") == 1.5 && row.integer("gaps") == 6 && row.isTrue("draining"))
    let closes = try #require(row.object("closes"))
    #expect(["4008", "4009", "4010"].map { closes.integer($0) } == [1, 5, 0])
    let refusals = try #require(row.object("refusals"))
    #expect(["401", "403", "429", "503", "other"].map { refusals.integer($0) } == [0, 0, 0, 2, 2])
  }

  @Test func ofSeveralRedisTheWorstIsTold() throws {
    let row = try row(
      Self.broker([
        .init(name: "0", isUp: true, reconnects: 1, roundTrip: 0.002),
        .init(name: "0", isUp: false, reconnects: 2, roundTrip: 0.5),
      ]))
    #expect(row.text.contains(#""redisUp":false"#))
    #expect(row.integer("redisReconnects") == 3 && row.number("redisRoundTrip") == 500)
  }

  @Test func aNodeThatStandsAloneTellsNothingOfRedis() throws {
    let row = try row(Self.broker([]))
    for name in ["leaseAge", "redisUp", "redisReconnects", "redisRoundTrip"] { #expect(row.kind(name) == nil) }
  }

  @Test func aRowOfTheFeedCountsFromTheStart() throws {
    func feed(_ shards: [BrokerStatus.Shard]) throws -> JSONObject {
      let row = DemoFeed.Row(
        node: "web-1.a", host: "h", time: 5, isDraining: false, loops: Self.loops, broker: Self.broker(shards))
      return try #require(JSONObject(String(decoding: row.text, as: UTF8.self)))
    }
    let alone = try feed([])
    #expect(alone.string("node") == "web-1.a" && alone.integer("time") == 5 && alone.integer("connections") == 3)
    #expect(alone.integer("messagesIn") == 11 && alone.integer("messagesOut") == 101 && alone.integer("outbox") == 7)
    #expect(alone.text.contains(#""redis":null"#))
    #expect(try feed([.init(name: "0", isUp: true, reconnects: 0, roundTrip: 0.002)]).number("redis") == 2)
  }
}
