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
}
