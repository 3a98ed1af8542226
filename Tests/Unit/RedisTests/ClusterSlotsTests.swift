@testable import Redis
import Testing

/// Who owns which slots, as servers of a Cluster say it.
@Suite struct ClusterSlotsTests {
  private func read(_ wire: String) throws -> ClusterSlots? {
    let redis = try FakeRedis()
    try redis.write(wire)
    var slots: ClusterSlots?
    _ = redis.read { slots = ClusterSlots($0, askedAt: address("10.0.0.9", 7000)) }
    return slots
  }

  @Test func readsAnAnswer() throws {
    let slots = try #require(
      try read(
        array(
          range(8000, 16383, array(bulk("10.0.0.2"), integer(6380), bulk("b"))),
          // With further fields, and a replica.
          range(
            0, 5460, array(bulk("10.0.0.1"), integer(6379), bulk("a"), array(bulk("hostname"), bulk("x.example"))),
            array(bulk("10.0.0.3"), integer(6381), bulk("c"), "*0\r\n")),
          range(5461, 7998, array(bulk("10.0.0.2"), integer(6380), bulk("b"))))))
    let (a, b) = (server("10.0.0.1", 6379, "a"), server("10.0.0.2", 6380, "b"))
    #expect(slots.primaries == [a, b])
    #expect([0, 5460].map(slots.owner) == [a, a])
    #expect([5461, 7998, 8000, 16383].map(slots.owner) == [b, b, b, b])
    #expect(slots.owner(ofSlot: 7999) == nil && slots.owner(ofSlot: 16_384) == nil && slots.owner(ofSlot: -1) == nil)
    #expect(slots == ClusterSlots(ranges: [(0...5460, a), (5461...7998, b), (8000...16_383, b)]))
    #expect(slots != ClusterSlots(ranges: [(0...5460, a), (5461...7998, b), (8000...16_383, a)]))
    #expect(!slots.isEmpty)
  }

  @Test(arguments: ["$-1\r\n", "$0\r\n\r\n", "$1\r\n?\r\n"])
  func whoDoesNotKnowItsAddressIsTheOneThatWasAsked(host: String) throws {
    let slots = try #require(try read(array(range(0, 1, array(host, integer(6379), bulk("a"))))))
    #expect(slots.primaries == [server("10.0.0.9", 6379, "a")])
  }

  @Test(arguments: [
    range(-1, 5, good), range(5, 16384, good), range(6, 5, good), array(bulk("0"), integer(5), good),
    array(integer(0), integer(5)), range(0, 5, bulk("x")), range(0, 5, "*-1\r\n"), "*0\r\n", integer(1), "$-1\r\n",
    owned(by: bulk("a b"), integer(1), bulk("a")), owned(by: "*0\r\n", integer(1), bulk("a")),
    owned(by: bulk("x"), integer(0), bulk("a")), owned(by: bulk("x"), integer(65536), bulk("a")),
    owned(by: bulk("x"), bulk("1"), bulk("a")), owned(by: bulk("x"), integer(1), bulk("")),
    owned(by: bulk("x"), integer(1)),
  ])
  func nonsenseIsLeftOut(range: String) throws {
    let slots = try #require(try read(array(range, Self.rest)))
    #expect(slots.primaries == [server("10.0.0.1", 6379, "a")])
    #expect(slots.owner(ofSlot: 0) == nil)
    #expect(slots.owner(ofSlot: 100)?.id == "a")
  }

  private static let rest = range(100, 200, good)

  @Test func anEmptyMapIsAnAnswer() throws {
    let slots = try #require(try read("*0\r\n"))
    #expect(slots.isEmpty && slots.primaries.isEmpty && slots.owner(ofSlot: 0) == nil)
  }

  @Test(arguments: ["-ERR This instance has cluster support disabled\r\n", "*-1\r\n", "+OK\r\n", ":1\r\n"])
  func whatIsNoArrayIsNoAnswer(wire: String) throws {
    #expect(try read(wire) == nil)
  }
}

@Suite struct ClusterStateTests {
  @Test func readsTheTwoThatCount() {
    let info = "cluster_state:ok\r\ncluster_slots_assigned:16384\r\ncluster_current_epoch:6\r\ncluster_my_epoch:2\r\n"
    #expect(ClusterState(info)?.isOK == true)
    #expect(ClusterState(info)?.currentEpoch == 6)
    #expect(ClusterState("cluster_current_epoch:0\ncluster_state:fail")?.isOK == false)
  }

  @Test(arguments: [
    "", "cluster_state:ok", "cluster_current_epoch:6", "cluster_state:ok\r\ncluster_current_epoch:",
    "cluster_state:ok\r\ncluster_current_epoch:x", "cluster_state:\r\ncluster_current_epoch:1",
  ])
  func isNothingWithoutThem(info: String) {
    #expect(ClusterState(info) == nil)
  }
}

@Suite struct RedirectionTests {
  @Test(
    arguments: [
      ("MOVED 3999 127.0.0.1:6381", 3999, address("127.0.0.1", 6381)),
      ("ASK 0 redis-2.example:6379", 0, address("redis-2.example", 6379)),
      ("MOVED 16383 fd00::1:6381", 16_383, address("fd00::1", 6381)),
      ("MOVED 3999 :6381", 3999, address("10.0.0.9", 6381)), ("MOVED 3999 ?:6381", 3999, address("10.0.0.9", 6381)),
      ("MOVED 3999 127.0.0.1:0", 3999, nil), ("MOVED 3999 127.0.0.1", 3999, nil), ("ASK 3999 a,b:1", 3999, nil),
      ("MOVED 3999 x:1 more", 3999, address("x", 1)),
    ] as [(String, Int, ServerAddress?)])
  func saysWhoHasASlot(message: String, slot: Int, place: ServerAddress?) throws {
    let redirection = try #require(Redirection(RedisError(message), askedAt: address("10.0.0.9", 7000)))
    #expect(redirection.slot == slot)
    #expect(redirection.address == place)
  }

  @Test(arguments: [
    "MOVED", "MOVED 1", "MOVED x 127.0.0.1:1", "MOVED -1 127.0.0.1:1", "MOVED 16384 127.0.0.1:1", "ERR 1 127.0.0.1:1",
    "TRYAGAIN 1 127.0.0.1:1", "MOVEDX 1 127.0.0.1:1", "",
  ])
  func isNothingElse(message: String) {
    #expect(Redirection(RedisError(message), askedAt: address("10.0.0.9", 7000)) == nil)
  }
}

private let good = array(bulk("10.0.0.1"), integer(6379), bulk("a"))

private func range(_ first: Int, _ last: Int, _ servers: String...) -> String {
  list([integer(first), integer(last)] + servers)
}

private func owned(by fields: String...) -> String { range(0, 5, list(fields)) }

private func array(_ elements: String...) -> String { list(elements) }

private func list(_ elements: [String]) -> String { "*\(elements.count)\r\n" + elements.joined() }

private func bulk(_ text: String) -> String { "$\(text.utf8.count)\r\n\(text)\r\n" }

private func integer(_ number: Int) -> String { ":\(number)\r\n" }

private func address(_ host: String, _ port: UInt16) -> ServerAddress {
  guard let address = ServerAddress(host: host, port: String(port)) else { preconditionFailure("no address: \(host)") }
  return address
}

private func server(_ host: String, _ port: UInt16, _ id: String) -> ClusterSlots.Server {
  ClusterSlots.Server(address: address(host, port), id: id)
}
