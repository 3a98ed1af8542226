import Cluster
import Model
import Redis
import Testing

@testable import Broker

/// The scripts on a slot that is stopped in the middle of its move: each does all of its work, or is refused and does nothing.
struct SlotMoveScriptTests {
  private static let partition = 7

  @Test func eachIsDoneWhollyOrNotAtAll() async throws {
    try await withRedisCluster { cluster in
      let stage = try SlotMoveStage(cluster.move(of: Self.partition), Self.partition)
      let calls = try stage.calls()
      #expect(Set(calls.map(\.call.script)) == Set(Script.allCases), "one is missing here")
      let subsets = try stage.subsets()
      var (done, refused) = (Set<String>(), Set<String>())
      for (name, call) in calls {
        for carried in subsets {
          // Other tests want their turn.
          await Task.yield()
          try stage.fill()
          try stage.move.begin()
          try stage.move.carry(carried)
          let before = try stage.everything()
          switch try stage.run(call) {
          case .success: done.insert(name)
          case .failure(let error):
            refused.insert(name)
            #expect(SlotMoveStage.isOfMove(error), "\(name) without \(carried): \(error)")
            #expect(try stage.everything() == before, "\(name) without \(carried)")
            #expect(try stage.heard() == [], "\(name) without \(carried)")
          }
          try stage.move.takeBack()
        }
      }
      #expect(refused == Set(calls.map(\.name)), "all of the keys have gone")
      let possible: Set = ["leave", "publish", "read", "roster", "send", "doubt", "clear"]
      #expect(done.isSuperset(of: possible), "\(done.sorted())")
    }
  }

  @Test func theLastMemberLeavesOnceInEachPhase() async throws {
    try await withRedisCluster { cluster in
      var move = try cluster.move(of: Self.partition)
      let phases = [[], ["presence"], ["users"], ["presence", "users"], ["presence", "users", "run", "nodes"]]
      for gone in phases {
        let stage = try SlotMoveStage(move, Self.partition)
        try stage.fill()
        try stage.leaveAllButOne()
        _ = try stage.heard()
        try move.begin()
        try move.carry(gone.map(stage.key))
        let before = try stage.everything()
        let answer = try stage.run(stage.leaveOfTheLast)
        if gone.isEmpty {
          #expect(try answer.get().integer == 1)
          #expect(try stage.heard().map { $0.hasSuffix(#""count":0}"#) } == [true])
          #expect(try stage.members(at: move.source) == [])
        } else {
          #expect(throws: RedisError.self, "without \(gone)") { try answer.get() }
          #expect(try stage.heard() == [])
          #expect(try stage.everything() == before)
        }
        try move.finish()
        #expect(try move.keys(at: move.source) == [])
        move = SlotMove(slot: move.slot, source: move.target, target: move.source)
        let after = try SlotMoveStage(move, Self.partition)
        #expect(try after.run(after.leaveOfTheLast).get().integer == (gone.isEmpty ? 0 : 1))
        #expect(try after.members(at: move.source) == [])
      }
    }
  }

  /// It ends in the middle, where it has thrown away what is nobody's: the history of the run before.
  @Test func theFirstMessageOfAnotherRunIsTakenAfterwards() async throws {
    try await withRedisCluster { cluster in
      let stage = try SlotMoveStage(cluster.move(of: Self.partition), Self.partition)
      try stage.fill()
      let old = try stage.position()
      try stage.beginAnotherRun()
      try stage.move.begin()
      #expect(throws: RedisError.self) { try stage.publish() }
      #expect(try stage.heard() == [])
      try stage.move.takeBack()
      let told = try stage.position()
      #expect(told.offset == 0 && told.epoch != old.epoch)
      #expect(try stage.publish() == StreamPosition(epoch: told.epoch, offset: 1))
      #expect(try stage.heard().count == 1)
    }
  }

  @Test func everythingIsThereAfterTheMove() async throws {
    try await withRedisCluster { cluster in
      var move = try cluster.move(of: Self.partition)
      for count in [0, 4, 8, .max] {
        let stage = try SlotMoveStage(move, Self.partition)
        try stage.fill()
        let (old, members) = (try stage.position(), try stage.run(stage.roster).get())
        let run = try stage.identify(nil)
        try move.begin()
        try move.carry(Array(move.keys(at: move.source).prefix(count)))
        try move.finish()
        move = SlotMove(slot: move.slot, source: move.target, target: move.source)
        let after = try SlotMoveStage(move, Self.partition, server: "other")
        #expect(try after.identify(nil) == "", "nobody has seen it there")
        #expect(try after.identify(stage.server) == run)
        #expect(try after.position() == old)
        #expect(try after.run(after.roster).get() == members)
        #expect(try after.run(after.send).get().integer == 1)
        #expect(try after.publish() == StreamPosition(epoch: old.epoch, offset: old.offset + 1))
      }
    }
  }
}
