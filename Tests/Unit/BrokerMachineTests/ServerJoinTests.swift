@testable import Broker
import Redis
import Testing

/// The look at a server: one question after the other, and a reason where it is of no use.
@Suite struct ServerJoinTests {
  private static let info =
    "# Server\r\nrun_id:abc\r\nmaster_replid:r1\r\nmaster_replid2:\(String(repeating: "0", count: 40))\r\n"

  @Test func onePrimaryIsEnough() {
    var join = ServerJoin()
    #expect(join.begin() == .askRole)
    #expect(join.role(.success("master")) == .askInfo)
    let (asked, joined) = (join.info(.success(Self.info)), join.scriptsLoaded(nil))
    #expect(asked == .loadScripts)
    #expect(joined == .joined(RedisRun(name: "abc", replicationID: "r1")), "it was never a replica")
  }

  @Test func whatItWasAReplicaOfIsKnown() {
    var join = ServerJoin()
    _ = join.info(.success("run_id:abc\nmaster_replid:r2\nmaster_replid2:r1\n"))
    #expect(
      join.scriptsLoaded(nil)
        == .joined(RedisRun(name: "abc", replicationID: "r2", previousReplicationID: "r1")))
  }

  @Test func aReplicaIsOfNoUse() {
    guard case .reset(let reason) = ServerJoin().role(.success("slave")) else {
      Issue.record("it is used")
      return
    }
    #expect(reason.contains("replica"))
  }

  @Test func aSentinelIsOfNoUse() {
    #expect(ServerJoin().role(.success("sentinel")) == .reset(RedisError.isSentinel))
  }

  @Test func aServerThatDoesNotTellItsRunIsOfNoUse() {
    var join = ServerJoin()
    let action = join.info(.success("redis_version:7.0.15"))
    #expect(action == .reset("this Redis does not report its run_id"))
  }

  @Test func aServerOfAClusterIsOfNoUse() {
    var join = ServerJoin()
    let (one, other) = (
      join.info(.success("run_id:a\ncluster_enabled:1")), join.info(.success("run_id:a\ncluster_enabled:0"))
    )
    #expect(one == .reset(RedisError.isOfCluster))
    #expect(other == .loadScripts)
  }

  // MARK: In a Cluster

  private static func info(_ version: String, isCluster: Bool = true) -> String {
    "redis_version:\(version)\r\nrun_id:abc\r\nmaster_replid:r1\r\ncluster_enabled:\(isCluster ? 1 : 0)\r\n"
  }

  @Test(arguments: ["7.0.0", "7.2.4", "8.4.0", "10.0"])
  func aPrimaryOfAClusterIsEnough(_ version: String) {
    var join = ServerJoin(isInCluster: true)
    #expect(join.role(.success("master")) == .askInfo)
    let (asked, joined) = (join.info(.success(Self.info(version))), join.scriptsLoaded(nil))
    #expect(asked == .loadScripts)
    #expect(joined == .joined(RedisRun(name: "abc", replicationID: "r1")))
  }

  @Test func aRedisOfItsOwnIsNoClusters() {
    for info in [Self.info("7.0.15", isCluster: false), "redis_version:7.0.15\nrun_id:abc\n"] {
      var join = ServerJoin(isInCluster: true)
      let action = join.info(.success(info))
      #expect(action == .reset(RedisError.isNotOfCluster))
    }
  }

  @Test(arguments: ["6.2.14", "5.0.0"])
  func anOldClusterIsOfNoUse(_ version: String) {
    var join = ServerJoin(isInCluster: true)
    let action = join.info(.success(Self.info(version)))
    #expect(action == .reset("a Cluster must be of Redis 7.0 or newer, not \(version)"))
  }

  @Test func aReplicaOfAClusterIsOfNoUse() {
    #expect(ServerJoin(isInCluster: true).role(.success("slave")) == .reset("it is a replica now"))
  }

  @Test func eachRefusalIsAReason() {
    let error = RedisError("NOPERM this user has no permissions")
    var join = ServerJoin()
    let info = join.info(.failure(error))
    for action in [join.role(.failure(error)), info, join.scriptsLoaded(error)] {
      #expect(action == .reset(error.advice))
    }
  }
}
