@testable import Redis
import Testing

/// Answers of Sentinels, and what several of them come to.
@Suite struct SentinelAnswerTests {
  private let a = address("10.0.0.1")
  private let b = address("10.0.0.2")
  private let c = address("10.0.0.3")

  @Test(
    arguments: [
      ("*2\r\n$8\r\n10.0.0.1\r\n$4\r\n6379\r\n", .primary(address("10.0.0.1"), epoch: 7)),
      ("*-1\r\n", .unknownName),
      ("-NOPERM no\r\n", .refused("the Sentinel's user lacks a permission (NOPERM): NOPERM no")),
      ("-ERR unknown command 'SENTINEL', with\r\n", .refused("this is a Redis, not a Sentinel: use redis://")),
      ("-ERR unknown command `SENTINEL`, with\r\n", .refused("this is a Redis, not a Sentinel: use redis://")),
      ("*2\r\n$0\r\n\r\n$4\r\n6379\r\n", .noAddress), ("*2\r\n$1\r\nx\r\n$1\r\n0\r\n", .noAddress),
      ("*2\r\n$1\r\nx\r\n$5\r\n65536\r\n", .noAddress), ("*2\r\n$3\r\na b\r\n$1\r\n1\r\n", .noAddress),
      ("*1\r\n$1\r\nx\r\n", .noAddress),
      ("*2\r\n*0\r\n*0\r\n", .noAddress), ("+OK\r\n", .noAddress), (":1\r\n", .noAddress),
    ] as [(String, SentinelAnswer)])
  func readsAnAnswer(wire: String, answer: SentinelAnswer) throws {
    let redis = try FakeRedis()
    try redis.write(wire)
    var read: SentinelAnswer?
    _ = redis.read { read = SentinelAnswer($0, epoch: 7) }
    #expect(read == answer)
  }

  private func decide(_ answers: [SentinelAnswer], preferring preferred: ServerAddress? = nil) -> ServerAddress? {
    SentinelAnswer.decide(answers, preferring: preferred)?.address
  }

  @Test(
    arguments: [
      ("*4\r\n$2\r\nip\r\n$1\r\nx\r\n$12\r\nconfig-epoch\r\n$2\r\n12\r\n", SentinelDetails(epoch: 12)),
      (
        "*4\r\n$6\r\nquorum\r\n$1\r\n2\r\n$19\r\nnum-other-sentinels\r\n$1\r\n4\r\n",
        SentinelDetails(otherSentinels: 4, quorum: 2)
      ),
      ("*3\r\n$2\r\nip\r\n$1\r\nx\r\n$12\r\nconfig-epoch\r\n", SentinelDetails()),
      ("*2\r\n$12\r\nconfig-epoch\r\n$1\r\nx\r\n", SentinelDetails()), (":1\r\n", SentinelDetails()),
      ("-ERR No such master with that name\r\n", SentinelDetails()), ("*2\r\n*0\r\n*0\r\n", SentinelDetails()),
    ] as [(String, SentinelDetails)])
  func readsDetails(wire: String, details: SentinelDetails) throws {
    let redis = try FakeRedis()
    try redis.write(wire)
    var read: SentinelDetails?
    _ = redis.read { read = SentinelDetails($0) }
    #expect(read == details)
  }

  @Test func mostDecide() {
    #expect(decide([]) == nil)
    #expect(decide([.unknownName, .refused("x")]) == nil)
    #expect(decide([.unknownName, .primary(a, epoch: nil), .refused("x")]) == a)
    #expect(
      decide([.primary(a, epoch: 9), .primary(b, epoch: 1), .primary(b, epoch: 2)], preferring: a) == b)
  }

  @Test func atATieTheHigherEpochDecides() {
    let tie: [SentinelAnswer] = [.primary(a, epoch: 4), .primary(b, epoch: 5)]
    #expect(decide(tie, preferring: a) == b)
    #expect(decide(tie.reversed(), preferring: a) == b)
    let four: [SentinelAnswer] = [
      .primary(a, epoch: 1), .primary(b, epoch: 4), .primary(a, epoch: 6), .primary(b, epoch: nil),
      .primary(c, epoch: 9),
    ]
    #expect(decide(four) == a, "the highest of those who name it counts")
  }

  @Test func afterThatWhatIsInUseStays() {
    let tie: [SentinelAnswer] = [.primary(a, epoch: 4), .primary(b, epoch: 4)]
    #expect(decide(tie, preferring: b) == b)
    #expect(decide(tie, preferring: c) == a)
  }
}

private func address(_ host: String) -> ServerAddress {
  guard let address = ServerAddress(host: host, port: "6379") else { preconditionFailure("no address: \(host)") }
  return address
}
