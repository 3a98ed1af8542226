import Cluster
import JSON
import Model
import Redis
import Testing

@testable import Broker

/// The scripts `publish` and `read` in a real Redis against the history in memory: whatever is asked, both answer the
/// same. `HistoryTwin` compares; what is expected here is said once for both.
struct HistoryScriptTests {
  private func withTwin(_ test: (HistoryTwin, RedisProcess) async throws -> Void) async throws {
    try await withCluster { cluster in try await test(HistoryTwin(cluster.redis), cluster.redis) }
  }

  private func position(_ epoch: String, _ offset: Int) -> Since {
    .position(StreamPosition(epoch: epoch, offset: offset))
  }

  // MARK: Publishing

  @Test func listenersGetTheHeaderAndTheEvent() async throws {
    try await withTwin { twin, redis in
      let listener = try redis.connect()
      _ = try listener.call("SUBSCRIBE", "apus:ch:room")
      let excluded = ClientID("c-9")
      let publications: [Publication] = [
        .text("1"), .text("2", excluding: excluded), .binary([1, 2]), .binary([3], excluding: excluded),
        .text("4", history: nil), .binary([5], excluding: excluded, history: nil), .text("6"),
      ]
      for publication in publications {
        let (receipt, time) = try twin.publish(publication)
        let isBinary = publication.kind == .binary
        var expected = ByteWriter()
        BrokerPayload(
          isBinary ? .binary : .message, epoch: receipt.position?.epoch, offset: receipt.position?.offset,
          excluded: publication.excluded
        ).appendHeader(to: &expected)
        publication.text(offset: receipt.position?.offset, time: time).withBytes { expected.append($0) }
        #expect(try listener.receive().elements.last?.text == String(decoding: expected.bytes, as: UTF8.self))
      }
      #expect(try twin.read(.newest(10)).offsets == [1, 2, 3, 4, 5])
    }
  }

  @Test func aKeyPublishesOnce() async throws {
    try await withTwin { twin, redis in
      let listener = try redis.connect()
      _ = try listener.call("SUBSCRIBE", "apus:ch:room")
      let key = IdempotencyKey(publisher: .user("alice"), key: "k")
      let first = try twin.publish(.text("1", key: key)).receipt
      #expect(first.position?.offset == 1 && !first.isDuplicate)
      let second = try twin.publish(.text("2", key: key)).receipt
      #expect(second == PublishReceipt(position: first.position, isDuplicate: true))
      #expect(try !twin.publish(.text("3", key: IdempotencyKey(publisher: .user("bob"), key: "k"))).receipt.isDuplicate)
      #expect(try !twin.publish(.text("4", to: "other", key: key)).receipt.isDuplicate)
      let unkept = IdempotencyKey(publisher: .user("alice"), key: "unkept")
      #expect(try twin.publish(.text("5", history: nil, key: unkept)).receipt == PublishReceipt())
      #expect(try twin.publish(.text("6", history: nil, key: unkept)).receipt == PublishReceipt(isDuplicate: true))
      try twin.publish(.text("7"))
      let heard = try (0..<4).map { _ in try listener.receive().elements.last?.text ?? "" }
      #expect(zip(heard, [1, 3, 5, 7]).allSatisfy { $0.contains(#""data":\#($1),"#) }, "\(heard)")
      #expect(try redis.call("GET", "apus:key:room alice:k").text == "\(try #require(first.position?.epoch)) 1")
      #expect(try redis.call("GET", "apus:key:room alice:unkept").text == "- 0")
      #expect((240_000...300_000).contains(try redis.call("PTTL", "apus:key:room alice:k").integer))
    }
  }

  @Test func keysInRedisAreReadable() async throws {
    try await withTwin { twin, redis in
      let time = try twin.publish(.text("1", excluding: ClientID("c-9"))).time
      try twin.publish(.binary([7]))
      let rows = try redis.call("XRANGE", "apus:history:room", "-", "+").elements
      #expect(rows.map { $0.elements.first?.text } == ["1-0", "2-0"])
      let head = #"{"type":"message","channel":"room","from":"alice","client":"c-1","data":1"#
      let event = head + #","offset":1,"ts":\#(time)}"#
      #expect(rows.first?.elements.last?.elements.map(\.text) == ["m", event, "t", "\(time)", "x", "c-9"])
      #expect(rows.last?.elements.last?.elements.map(\.text).suffix(2) == ["k", "b"])
      let epoch = try twin.read(.position).latest.epoch
      #expect(try redis.hash("apus:meta:room") == ["epoch": epoch, "offset": "2", "run": "run-1"])
      #expect((500_000...600_000).contains(try redis.call("PTTL", "apus:history:room").integer))
      #expect(try redis.call("PTTL", "apus:meta:room").integer > 30 * 86_400_000)
    }
  }

  @Test func readingKeepsTheEpoch() async throws {
    try await withTwin { twin, redis in
      try twin.publish(.text("1"))
      try redis.call("PEXPIRE", "apus:meta:room", "60000")
      try twin.read(.position)
      #expect(try redis.call("PTTL", "apus:meta:room").integer > 30 * 86_400_000)
    }
  }

  @Test func aReadLeavesNothingUnderANameThatNothingWasPublishedTo() async throws {
    try await withTwin { twin, redis in
      for number in 1...20 { try twin.read(.position, try #require(ChannelName("room:\(number)"))) }
      #expect(try redis.list("KEYS", "*") == ["apus:run"])
      let latest = try twin.read(.position).latest
      #expect(latest.epoch.utf8.count == 16 && latest.offset == 0)
      #expect(try twin.read(.recover(.position(latest))).isComplete, "nothing is missing")
      #expect(try twin.publish(.text("1")).receipt.position == StreamPosition(epoch: latest.epoch, offset: 1))
      #expect(try twin.read(.recover(.position(latest))).offsets == [1])
    }
  }

  // MARK: Runs

  @Test func aRunThatComesBackHasAnotherName() async throws {
    try await withCluster { cluster in
      let caller = try ScriptCaller(cluster.redis)
      var names: [String] = []
      let layout = Layout(0, of: [try RedisTarget("redis://one")])
      let identify = { (run: String, replication: String, previous: String) in
        names.append("")
        let scripts = StreamScripts(
          keys: RedisKeys(prefix: "apus:"),
          run: RedisRun(name: run, replicationID: replication, previousReplicationID: previous))
        return try caller.run(scripts.identify(newSeed: "n\(names.count)", layout: layout, era: 0)) { $0[0]?.string }
      }
      #expect(try identify("a", "r1", "") == "a.n1")
      let recorded = { try cluster.redis.hash("apus:run").filter { $0.key != "since" } }
      #expect(
        try recorded() == [
          "run": "a.n1", "replid": "r1", "seed": "n1", "layout": "0 of 1", "era": "0",
        ])
      #expect(try identify("a", "r1", "") == "a.n1")
      #expect(try identify("a", "r2", "") == "a.n1", "it has a replica now")
      #expect(try identify("b", "r3", "r2") == "b.n4", "which takes over")
      #expect(try identify("b", "r3", "r2") == "b.n4")
      #expect(try identify("a", "r4", "r3") == "a.n6", "and the first again")
      #expect(try identify("a", "r4", "r3") == "a.n6")
      #expect(try identify("a", "r5", "r4") == "a.n8", "nobody saw who was the primary meanwhile")
      #expect(try identify("ab", "r5", "r4") == "ab.n9")
      #expect(try identify("a", "r5", "r4") == "a.n10")
      #expect(
        try recorded() == [
          "run": "a.n10", "replid": "r5", "seed": "n1", "layout": "0 of 1", "era": "0",
        ])
      try cluster.redis.call("DEL", "apus:run")
      #expect(try identify("a", "r5", "r4") == "a.n11", "which names there were nobody can tell")
      try cluster.redis.call("HSET", "apus:run", "run", "a", "replid", "r5")
      #expect(try identify("a", "r5", "r4") == "a", "as an earlier version has named it")
    }
  }

  /// After a failover nodes come one by one, and the last ones may have had messages confirmed by the old primary that
  /// nobody else can be told of.
  @Test func aRunEndsOnceMoreForANodeWhoseLastOneWentOnAfterItHadBegun() async throws {
    try await withCluster { cluster in
      let caller = try ScriptCaller(cluster.redis)
      let layout = Layout(0, of: [try RedisTarget("redis://one")])
      var count = 0
      let identify = { (run: String, previousRun: String?, kept: Int64?) in
        count += 1
        let scripts = StreamScripts(keys: RedisKeys(prefix: "apus:"), run: RedisRun(name: run, replicationID: "r"))
        let call = scripts.identify(
          newSeed: "n\(count)", previousRun: previousRun, layout: layout, era: 0, kept: kept)
        return try caller.run(call) { $0[0]?.string }
      }
      #expect(try identify("a", nil, nil) == "a.n1")
      #expect(try identify("b", "a.n1", 0) == "b.n2", "the first that comes to the new primary")
      #expect(try identify("b", "b.n2", 0) == "b.n2", "and again, after it has lost its connection")
      #expect(try identify("b", "a.n1", nil) == "b.n2", "nothing was confirmed to this one")
      #expect(try identify("b", "a.n1", 60_000) == "b.n2", "nor here, since the new run has begun")
      #expect(try identify("b", nil, nil) == "b.n2", "a new node")
      #expect(try identify("b", "a.n1", 0) == "b.n7", "the old primary went on for this one")
      #expect(try identify("b", "a.n1", 60_000) == "b.n7")
      #expect(try identify("b", "a.n1", 0) == "b.n9", "and for this one, too")
      try cluster.redis.call("HDEL", "apus:run", "since")
      #expect(try identify("b", "a.n1", 0) == "b.n9", "as an earlier version has written it")
    }
  }

  /// A run ends where a channel may have been in another Redis meanwhile, and come back.
  @Test func aRunEndsWithTheListOfRedis() async throws {
    try await withCluster { cluster in
      let caller = try ScriptCaller(cluster.redis)
      let run = RedisRun(name: "a", replicationID: "r")
      let scripts = StreamScripts(keys: RedisKeys(prefix: "apus:"), run: run)
      var count = 0
      let identify = { (index: Int, hosts: String, era: Int) in
        // The others have gone.
        try cluster.redis.call("DEL", "apus:layout")
        let layout = Layout(index, of: try hosts.map { try RedisTarget("redis://\($0)") })
        count += 1
        let call = scripts.identify(newSeed: "n\(count)", layout: layout, era: era)
        return try caller.run(call) { "\($0[0]?.string ?? "") \($0[2]?.integer ?? -1)" }
      }
      #expect(try identify(0, "x", 0) == "a.n1 0")
      #expect(try identify(0, "xy", 0) == "a.n1 1", "longer, and nothing comes back")
      #expect(try identify(0, "xy", 0) == "a.n1 1")
      #expect(try identify(0, "xyz", 2) == "a.n1 2", "another Redis has told of the same change")
      #expect(try identify(0, "xyz", 2) == "a.n1 2")
      #expect(try identify(0, "xy", 0) == "a.n6 3", "shorter")
      #expect(try identify(0, "xz", 0) == "a.n7 4", "another one")
      #expect(try identify(1, "yx", 0) == "a.n8 5", "in another place")
      #expect(try identify(1, "yxz", 7) == "a.n9 7", "it has missed a change")
      #expect(try identify(1, "yxz", 7) == "a.n9 7")
      #expect(try identify(1, "yxz", 8) == "a.n11 8", "and another")
      #expect(try identify(1, "yxz", 0) == "a.n11 8")
      // One that is refused changes nothing.
      let other = scripts.identify(newSeed: "n0", layout: Layout(0, of: [try RedisTarget("redis://x")]), era: 9)
      #expect(throws: (any Error).self) { try caller.run(other) { _ in } }
      #expect(try identify(1, "yxz", 0) == "a.n11 8")
    }
  }

  @Test func nodesThatKnowAnEarlierRunDoNotBeginItAnew() async throws {
    try await withCluster { cluster in
      let caller = try ScriptCaller(cluster.redis)
      let keys = RedisKeys(prefix: "apus:")
      let scripts = ["a", "b"].map { StreamScripts(keys: keys, run: RedisRun(name: $0, replicationID: "")) }
      let publish = { (node: Int) in
        let call = try #require(scripts[node].publish(.text("1"), newSeed: "s\(node)"))
        return try #require(try caller.run(call) { HistoryReply.receipt($0)?.position })
      }
      let first = try publish(0)
      #expect(first.offset == 1)
      #expect(try publish(1) == StreamPosition(epoch: first.epoch, offset: 2))
      _ = try cluster.redis.call("HSET", "apus:run", "run", "b")
      let second = try publish(0)
      #expect(second.epoch != first.epoch && second.offset == 1, "of another run, by whoever notices first")
      #expect(try publish(1) == StreamPosition(epoch: second.epoch, offset: 2))
    }
  }

  // MARK: Large messages

  @Test func anAnswerIsBoundedInBytes() async throws {
    try await withTwin { twin, _ in
      let large = [UInt8](repeating: 7, count: 60_000)
      for _ in 1...20 { try twin.publish(.binary(large)) }
      let epoch = try twin.read(.position).latest.epoch
      #expect(try twin.read(.newest(100)).offsets == Array(13...20), "the newest")
      let after = try twin.read(.after(position(epoch, 3), limit: 100))
      #expect(after.offsets == Array(4...11) && after.isComplete, "the oldest, and the rest is there")
      #expect(try twin.read(.recover(position(epoch, 1))).offsets == Array(2...20))
    }
  }

  @Test func anAnswerIsBoundedInMessages() async throws {
    try await withCluster { cluster in
      let caller = try ScriptCaller(cluster.redis)
      let scripts = StreamScripts(keys: RedisKeys(prefix: "apus:"), run: RedisRun(name: "run-1", replicationID: ""))
      let twin = try HistoryTwin(cluster.redis)
      for number in 1...40 { try twin.publish(.text("\(number)")) }
      let epoch = try twin.read(.position).latest.epoch
      for (query, expected) in [
        (HistoryQuery.recover(position(epoch, 5)), 6...15), (.newest(20), 31...40),
        (.after(position(epoch, 30), limit: 5), 31...35),
      ] {
        let read = try caller.run(scripts.read("room", query, newSeed: "", maxEntries: 10)) {
          HistoryReply.read($0, of: "room", .testing)
        }
        #expect(read?.entries.map(\.offset) == Array(expected), "\(query)")
      }
    }
  }

  @Test func oneMessageComesHoweverLargeItIs() async throws {
    try await withTwin { twin, _ in
      let large = [UInt8](repeating: 7, count: 600_000)
      for _ in 1...2 { try twin.publish(.binary(large)) }
      let epoch = try twin.read(.position).latest.epoch
      #expect(try twin.read(.newest(2)).offsets == [2])
      #expect(try twin.read(.after(position(epoch, 0), limit: 2)).offsets == [1])
    }
  }

  // MARK: Another life of Redis

  @Test func anEmptiedRedisBeginsAnotherEpoch() async throws {
    try await withTwin { twin, _ in
      for number in 1...3 { try twin.publish(.text("\(number)")) }
      let epoch = try twin.read(.position).latest.epoch
      try twin.flush()
      let answer = try twin.read(.recover(position(epoch, 3)))
      #expect(answer.latest.offset == 0 && answer.latest.epoch != epoch && !answer.isComplete)
      #expect(try twin.publish(.text("4")).receipt.position == StreamPosition(epoch: answer.latest.epoch, offset: 1))
    }
  }

  @Test func anotherRunBeginsAnotherEpochAndForgets() async throws {
    try await withTwin { twin, redis in
      let key = IdempotencyKey(publisher: .user("alice"), key: "k")
      let first = try twin.publish(.text("1", key: key)).receipt
      try twin.publish(.text("2"))
      let epoch = try #require(first.position?.epoch)
      try twin.restart()
      #expect(try twin.read(.recover(position(epoch, 1))).offsets == [])
      #expect(try redis.call("EXISTS", "apus:history:room").integer == 0)
      #expect(try twin.publish(.text("1", key: key)).receipt.position == first.position, "it was published")
      try twin.restart()
      #expect(try twin.publish(.text("3")).receipt.position?.offset == 1)
      #expect(try twin.read(.newest(10)).offsets == [1])
    }
  }

  // MARK: Recovering

  @Test func allIsRecoveredOrNothing() async throws {
    try await withTwin { twin, _ in
      for number in 1...20 { try twin.publish(.text("\(number)", history: HistoryRule(size: 5, timeToLive: 60_000))) }
      let epoch = try twin.read(.position).latest.epoch
      let recover = { (offset: Int) in try twin.read(.recover(position(epoch, offset))) }
      #expect(try recover(21).isComplete == false, "it has never been there")
      #expect(try recover(20).isComplete == true)
      #expect(try recover(20).offsets == [])
      #expect(try recover(19).offsets == [20])
      #expect(try recover(15).offsets == [16, 17, 18, 19, 20], "the oldest is the next")
      #expect(try recover(15).isComplete == true)
      #expect(try recover(14).offsets == [])
      #expect(try recover(14).isComplete == false)
      #expect(try recover(0).isComplete == false)
      for other in ["other", "-", "", epoch + " "] {
        #expect(try twin.read(.recover(position(other, 20))).isComplete == false)
        let after = try twin.read(.after(position(other, 15), limit: 100))
        #expect(after.offsets == [] && !after.isComplete)
      }
      #expect(try twin.read(.after(position(epoch, 10), limit: 3)).offsets == [16, 17, 18])
      #expect(try twin.read(.after(position(epoch, 10), limit: 100)).isComplete == false)
      #expect(try twin.read(.after(position(epoch, 16), limit: 4)).isComplete == true)
      #expect(try twin.read(.after(position(epoch, 16), limit: 3)).isComplete == true, "the rest is held")
      #expect(try twin.read(.newest(2)).offsets == [19, 20])
      #expect(try twin.read(.newest(100)).offsets == [16, 17, 18, 19, 20])
      #expect(try twin.read(.newest(0)).offsets == [])
    }
  }

  @Test func threeHundredAreRecoveredAndNotOneMore() async throws {
    try await withTwin { twin, _ in
      for number in 1...302 { try twin.publish(.text("\(number)")) }
      let epoch = try twin.read(.position).latest.epoch
      #expect(try twin.read(.recover(position(epoch, 2))).offsets == Array(3...302))
      #expect(try twin.read(.recover(position(epoch, 1))).offsets == [])
      #expect(try twin.read(.recover(position(epoch, 1))).isComplete == false)
      #expect(try twin.read(.after(position(epoch, 1), limit: 301)).isComplete == true)
    }
  }

  @Test func aMomentIsFoundAmongTheEntries() async throws {
    try await withTwin { twin, _ in
      let rule = HistoryRule(size: 12, timeToLive: 60_000)
      var times: [Int: Int64] = [:]
      // Four in about the same millisecond each time.
      for number in 1...20 {
        if number % 4 == 1 { try await Task.sleep(for: .milliseconds(3)) }
        times[number] = try twin.publish(.text("\(number)", history: rule)).time
      }
      let oldest = try #require(times[9])
      let newest = try #require(times[20])
      for time in times.values {
        for moment in (time - 2)...(time + 2) {
          let expected = (9...20).filter { times[$0].map { $0 > moment } ?? false }
          let recovered = try twin.read(.recover(.time(moment)))
          #expect(recovered.isComplete == (oldest <= moment))
          #expect(recovered.offsets == (oldest <= moment ? expected : []))
          #expect(try twin.read(.after(.time(moment), limit: 100)).offsets == expected)
        }
      }
      #expect(try twin.read(.recover(.time(oldest - 1))).isComplete == false, "older ones have been trimmed")
      #expect(try twin.read(.recover(.time(newest))).isComplete == true)
      #expect(try twin.read(.recover(.time(.max))).isComplete == true)
      #expect(try twin.read(.recover(.time(0))).isComplete == false)
    }
  }

  @Test func aMomentBeforeTheFirstMessageIsGoodWhileThatIsHeld() async throws {
    try await withTwin { twin, _ in
      #expect(try twin.read(.recover(.time(0))).isComplete == false, "nothing is held")
      try twin.publish(.text("1"))
      try twin.publish(.text("2"))
      #expect(try twin.read(.recover(.time(0))).offsets == [1, 2])
      try twin.publish(.text("3", history: HistoryRule(size: 2, timeToLive: 60_000)))
      #expect(try twin.read(.recover(.time(0))).isComplete == false)
      #expect(try twin.read(.after(.time(0), limit: 10)).offsets == [2, 3])
    }
  }

  @Test func epochAndOffsetOutliveTheMessages() async throws {
    try await withTwin { twin, _ in
      try twin.publish(.text("1"))
      try await twin.publishAndExpire()
      let latest = try twin.read(.position).latest
      #expect(latest.offset == 2)
      #expect(try twin.read(.newest(10)).offsets == [])
      #expect(try twin.read(.recover(.position(latest))).isComplete == true)
      #expect(try twin.read(.recover(position(latest.epoch, 1))).isComplete == false)
      #expect(try twin.read(.recover(.time(.max))).isComplete == false, "nothing is held")
      try twin.publish(.text("3"))
      #expect(try twin.read(.recover(.position(latest))).offsets == [3])
    }
  }

  @Test(arguments: [1 << 31 - 2, 1 << 32 - 2, 1 << 52])
  func largeOffsetsAreExact(_ offset: Int) async throws {
    try await withTwin { twin, _ in
      try twin.jump(to: offset)
      for number in 1...3 { try twin.publish(.text("\(number)")) }
      try twin.publish(.binary([0xFF, 0x00]))
      let epoch = try twin.read(.position).latest.epoch
      #expect(try twin.read(.recover(position(epoch, offset))).offsets == Array((offset + 1)...(offset + 4)))
      #expect(try twin.read(.recover(position(epoch, offset - 1))).isComplete == false)
      #expect(try twin.read(.after(.time(0), limit: 2)).offsets == [offset + 1, offset + 2])
    }
  }

  // MARK: Answers of another kind

  @Test func whatTheScriptsDoNotGiveIsRefused() async throws {
    try await withTwin { _, redis in
      let caller = try ScriptCaller(redis)
      let entry = "{'1-0', {'m', '{}', 't', '5'}}"
      let isRead = { (reply: String) in
        try caller.run("return \(reply)") { HistoryReply.read($0, of: "room", .testing) != nil }
      }
      #expect(try isRead("{'e', 1, 1, {\(entry)}}"))
      #expect(try isRead("{'e', 0, 0, {}}"))
      for reply in [
        "1", "{}", "{'e', 1, 1}", "{'', 1, 1, {}}", "{1, 1, 1, {}}", "{'e', '1', 1, {}}", "{'e', -1, 1, {}}",
        "{'e', 1, 2, {}}", "{'e', 1, 1, 'x'}", "{'e', 1, 1, {'x'}}", "{'e', 0, 1, {\(entry)}}",
        "{'e', 2, 1, {\(entry), \(entry)}}", "{'e', 1, 1, {{'1-1', {'m', '{}', 't', '5'}}}}",
        "{'e', 1, 1, {{'0-0', {'m', '{}', 't', '5'}}}}", "{'e', 1, 1, {{'x-0', {'m', '{}', 't', '5'}}}}",
        "{'e', 1, 1, {{'1-0', {'m', '', 't', '5'}}}}", "{'e', 1, 1, {{'1-0', {'m', '{}', 't', 'x'}}}}",
        "{'e', 1, 1, {{'1-0', {'t', '5'}}}}", "{'e', 1, 1, {{'1-0', {'m', '{}'}}}}", "{'e', 1, 1, {{'1-0', 'x'}}}",
        "{'e', 1, 1, {{'1-0', {'m'}}}}",
      ] {
        #expect(try !isRead(reply), "\(reply)")
      }
      let isReceipt = { (reply: String) in try caller.run("return \(reply)") { HistoryReply.receipt($0) != nil } }
      #expect(try isReceipt("{'e', 1, 0, 5}"))
      #expect(try isReceipt("{'-', 0, 1, 5}"))
      for reply in ["1", "{'e', 1, 0}", "{'', 1, 0, 5}", "{'e', 0, 0, 5}", "{'-', 1, 0, 5}", "{'e', 1, 2, 5}"] {
        #expect(try !isReceipt(reply), "\(reply)")
      }
    }
  }

  // MARK: At random

  @Test(arguments: UInt64(0)..<4)
  func bothAnswerTheSame(_ seed: UInt64) async throws {
    try await withTwin { twin, _ in
      var history = RandomHistory(seed: seed)
      for step in 0..<1500 {
        do { try await history.step(twin) } catch {
          Issue.record("seed \(seed), step \(step)")
          throw error
        }
      }
      #expect(history.recovered > 30 && history.refused > 30 && history.duplicates > 10, "\(history)")
    }
  }
}
