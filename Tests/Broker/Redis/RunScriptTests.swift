import Cluster
import Model
import Redis
import Testing

@testable import Broker

/// The script `identify` in a Cluster: whether the run goes on at another server, where its slot may have been moved to.
struct RunScriptTests {
  /// Nodes that come to a partition, each asked under what name the run goes.
  private final class Partition {
    private let redis: RedisProcess
    private let caller: ScriptCaller
    private let keys = RedisKeys(prefix: PartitionTags.prefix("apus:", ofPartition: 7))
    private var count = 0

    init(_ redis: RedisProcess) throws {
      self.redis = redis
      caller = try ScriptCaller(redis)
    }

    private func newSeed() -> String {
      count += 1
      return "n\(count)"
    }

    /// At the server of that `run_id`, whose `master_replid` is `<run_id>-id`; the answer has `?` behind the name where
    /// nobody is written down for sure.
    func identify(
      _ server: String, replication: String? = nil, previous: String = "", seen voucher: ServerIdentity? = nil,
      isOverdue: Bool = false, joined previousRun: String? = nil
    ) throws -> String {
      let scripts = StreamScripts(
        keys: keys,
        run: RedisRun(
          name: server, replicationID: replication ?? "\(server)-id", previousReplicationID: previous))
      let call = scripts.identify(
        newSeed: newSeed(), previousRun: previousRun, layout: .ofPartition, era: 0, voucher: voucher,
        isOverdue: isOverdue)
      return try caller.run(call) { "\($0[0]?.string ?? "")\($0[1]?.integer == 1 ? "?" : "")" }
    }

    /// All that stands in the partition, besides when the run has begun.
    func recorded() throws -> [String: String] {
      #expect(try redis.list("KEYS", "*") == [keys.run])
      return try redis.hash(keys.run).filter { $0.key != "since" }
    }

    /// All of it.
    func everything() throws -> [String: String] { try redis.hash(keys.run) }

    /// Publishes at that server.
    func publish(_ server: String) throws -> StreamPosition {
      let scripts = StreamScripts(keys: keys, run: RedisRun(name: server, replicationID: "\(server)-id"))
      let call = try #require(scripts.publish(.text("1"), newSeed: newSeed()))
      return try #require(try caller.run(call) { HistoryReply.receipt($0)?.position })
    }
  }

  /// As a node has seen it in the slot.
  private func server(_ name: String, replication: String? = nil) -> ServerIdentity {
    ServerIdentity(runID: name, replicationID: replication ?? "\(name)-id")
  }

  @Test func anUnknownRunIsWritten() async throws {
    try await withCluster { cluster in
      let partition = try Partition(cluster.redis)
      #expect(try partition.identify("a") == "a.n1")
      // Nothing of lists of Redis, which a Cluster does not have.
      #expect(try partition.recorded() == ["run": "a.n1", "replid": "a-id", "seed": "n1"])
      #expect(try partition.identify("a") == "a.n1", "the same server")
      #expect(try partition.recorded() == ["run": "a.n1", "replid": "a-id", "seed": "n1"])
    }
  }

  @Test func anUnknownRunNeedsNobodyToVouchForIt() async throws {
    try await withCluster { cluster in
      let partition = try Partition(cluster.redis)
      #expect(try partition.identify("b", seen: server("a")) == "b.n1")
      #expect(try partition.recorded() == ["run": "b.n1", "replid": "b-id", "seed": "n1"])
    }
  }

  @Test func aServerWithItsFirstReplicaIsTheSame() async throws {
    try await withCluster { cluster in
      let partition = try Partition(cluster.redis)
      #expect(try partition.identify("a") == "a.n1")
      #expect(try partition.identify("a", replication: "other") == "a.n1")
      #expect(try partition.recorded() == ["run": "a.n1", "replid": "other", "seed": "n1"])
      #expect(try partition.identify("b", seen: server("a", replication: "other")) == "a.n1")
    }
  }

  @Test func aServerThatWasAReplicaMeanwhileIsAnother() async throws {
    try await withCluster { cluster in
      let partition = try Partition(cluster.redis)
      #expect(try partition.identify("a") == "a.n1")
      #expect(try partition.identify("a", replication: "new", previous: "of somebody else") == "a.n2")
      #expect(try partition.recorded() == ["run": "a.n2", "replid": "new", "seed": "n1"])
    }
  }

  // MARK: Moves

  @Test func aRunIsCarriedOver() async throws {
    try await withCluster { cluster in
      let partition = try Partition(cluster.redis)
      #expect(try partition.identify("a") == "a.n1")
      #expect(try partition.identify("b", seen: server("a"), joined: "a.n1") == "a.n1", "and everybody is known")
      #expect(try partition.recorded() == ["run": "a.n1", "replid": "b-id", "seed": "n1", "server": "b"])
      #expect(try partition.identify("b") == "a.n1", "for others, too, who have seen nothing")
      #expect(try partition.identify("c", seen: server("b")) == "a.n1", "and once more")
      #expect(try partition.recorded() == ["run": "a.n1", "replid": "c-id", "seed": "n1", "server": "c"])
      // Although it is named after that one.
      #expect(try partition.identify("a") == "")
      #expect(try partition.identify("a", seen: server("c")) == "a.n1", "back to where it began")
      #expect(try partition.recorded() == ["run": "a.n1", "replid": "a-id", "seed": "n1", "server": "a"])
    }
  }

  @Test func itsEpochsGoOn() async throws {
    try await withCluster { cluster in
      let partition = try Partition(cluster.redis)
      #expect(try partition.identify("a") == "a.n1")
      let first = try partition.publish("a")
      #expect(try partition.identify("b", seen: server("a")) == "a.n1")
      #expect(try partition.publish("b") == StreamPosition(epoch: first.epoch, offset: first.offset + 1))
      let name = try partition.identify("c", isOverdue: true)
      #expect(name.hasPrefix("c."))
      let last = try partition.publish("c")
      #expect(last.epoch != first.epoch && last.offset == 1)
    }
  }

  @Test func aServerWhereItMayNotHaveBeenMovedToIsToBeAskedAgain() async throws {
    try await withCluster { cluster in
      let partition = try Partition(cluster.redis)
      #expect(try partition.identify("a") == "a.n1")
      let before = try partition.everything()
      #expect(try partition.identify("b") == "")
      #expect(try partition.identify("b", joined: "a.n1") == "", "whoever it was joined to")
      #expect(try partition.identify("b", previous: "of somebody else") == "")
      // A server that was there, but not as the one on record.
      for other in [server("x"), server("b"), server("a", replication: "x"), server("x", replication: "a-id")] {
        #expect(try partition.identify("b", seen: other) == "", "\(other)")
      }
      #expect(try partition.everything() == before)
      #expect(try partition.identify("b", seen: server("a")) == "a.n1")
    }
  }

  @Test func aNodeWaitsForNobodyForEver() async throws {
    try await withCluster { cluster in
      let partition = try Partition(cluster.redis)
      #expect(try partition.identify("a") == "a.n1")
      #expect(try partition.identify("b", isOverdue: true, joined: "a.n1") == "b.n2?", "and nobody is known for sure")
      let recorded = try partition.recorded().filter { $0.key != "doubt" }
      #expect(recorded == ["run": "b.n2", "replid": "b-id", "seed": "n1"])
      #expect(try partition.identify("b") == "b.n2")
      #expect(try partition.identify("a", seen: server("x")) == "", "which is not on record any more")
      // A run that was moved ends so, too.
      #expect(try partition.identify("c", seen: server("b")) == "b.n2")
      #expect(try partition.identify("d", isOverdue: true) == "d.n6")
      #expect(try !partition.recorded().keys.contains("server"))
      #expect(try partition.identify("d") == "d.n6")
    }
  }

  @Test func whoeverHasSeenItNeedsNotBeInTime() async throws {
    try await withCluster { cluster in
      let partition = try Partition(cluster.redis)
      #expect(try partition.identify("a") == "a.n1")
      #expect(try partition.identify("b", seen: server("a"), isOverdue: true) == "a.n1")
    }
  }

  // MARK: Failovers

  /// What the old primary took last, the replica may not have.
  @Test(arguments: [false, true])
  func afterAFailoverItIsAnotherAtOnce(_ isVouchedFor: Bool) async throws {
    try await withCluster { cluster in
      let partition = try Partition(cluster.redis)
      #expect(try partition.identify("a") == "a.n1")
      let voucher = isVouchedFor ? server("a") : nil
      #expect(try partition.identify("b", previous: "a-id", seen: voucher) == "b.n2")
      #expect(try partition.recorded() == ["run": "b.n2", "replid": "b-id", "seed": "n1"])
      #expect(try partition.identify("b", previous: "a-id") == "b.n2")
    }
  }

  @Test func afterAFailoverOfWhereItWasMovedToItIsAnother() async throws {
    try await withCluster { cluster in
      let partition = try Partition(cluster.redis)
      #expect(try partition.identify("a") == "a.n1")
      #expect(try partition.identify("b", seen: server("a")) == "a.n1")
      #expect(try partition.identify("c", previous: "b-id", seen: server("b")) == "c.n3")
      #expect(try partition.recorded() == ["run": "c.n3", "replid": "c-id", "seed": "n1"])
    }
  }
}
