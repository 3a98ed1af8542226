import Redis
import Testing

@testable import apus

@Suite struct SentinelCheckTests {
  @Test(
    arguments: [
      ("0", 0, .ok), ("0", 1, .ok), ("0", 2, .warning), ("1", 0, .warning), ("1", 1, .warning), ("1", 2, .ok),
      ("2", 2, .warning), ("x", 2, .warning),
    ] as [(String, Int, Finding.Level)])
  func whatAPrimaryRefusesFitsItsReplicas(_ least: String, _ replicas: Int, _ level: Finding.Level) {
    let answer = RedisAnswer.list([.text("min-replicas-to-write"), .text(least)])
    #expect(SentinelCheck.leastReplicas(answer, replicas: replicas).level == level)
  }

  @Test func whatMayNotBeReadIsNoError() {
    let finding = SentinelCheck.leastReplicas(.refused(RedisError("NOPERM no")), replicas: 2)
    #expect(finding.level == .warning && finding.text.contains("cannot be read"))
  }

  private func agreement(_ answers: [SentinelAnswer], _ details: SentinelDetails?) throws -> [String] {
    let sentinel = try RedisURL("redis://s")
    return SentinelCheck.agreement(
      answers.map { SentinelInquiry.Reply(sentinel: sentinel, answer: $0, details: details) }
    ).map { finding in
      #expect(finding.level == .warning)
      return finding.text
    }
  }

  @Test func aFailoverTakesMostOfTheSentinels() throws {
    let up = SentinelAnswer.primary(try #require(ServerAddress(host: "10.0.0.1", port: "6379")), epoch: 0)
    let down = SentinelAnswer.refused("no")
    let three = SentinelDetails(otherSentinels: 2, quorum: 2)
    #expect(try agreement([up, up, up], three) == [])
    #expect(try agreement([up, up, down], three) == [])
    #expect(try agreement([up, down, .unknownName], three).count == 1)
    #expect(try agreement([up, down, down], nil)[0].contains("2 of 3 Sentinels must agree"))
    #expect(try agreement([up], three) == [], "the others may be up")
    #expect(try agreement([up, up, down], SentinelDetails(otherSentinels: 2, quorum: 3)).count == 1)
  }

  @Test func fewerThanThreeSentinelsAreTooFew() throws {
    let up = SentinelAnswer.primary(try #require(ServerAddress(host: "10.0.0.1", port: "6379")), epoch: 0)
    #expect(
      try agreement([up, up], SentinelDetails(otherSentinels: 1, quorum: 2))[0].contains("there are 2 Sentinels"))
    #expect(try agreement([up], nil)[0].contains("there is 1 Sentinel"))
    #expect(try agreement([up, up], SentinelDetails(otherSentinels: 2)) == [])
  }

  @Test func replicasThatAreInStepCount() {
    let replica = RedisAnswer.list([.text("10.0.0.2"), .text("6379"), .text("7")])
    let role = { (replicas: [RedisAnswer]) in
      SentinelCheck.replicas(.list([.text("master"), .integer(7), .list(replicas)]))
    }
    #expect(role([])?.finding.level == .warning)
    #expect(role([replica])?.finding.level == .ok && role([replica])?.count == 1)
    #expect(role([replica, replica])?.count == 2)
    #expect(SentinelCheck.replicas(.refused(RedisError("NOPERM no"))) == nil)
    #expect(SentinelCheck.replicas(.list([.text("slave"), .text("10.0.0.1")])) == nil)
  }
}
