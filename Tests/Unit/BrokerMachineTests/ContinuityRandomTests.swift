@testable import Broker
import Testing

/// Random events against a made-up Redis that drops messages, delays reads, loses links and changes epochs: whoever
/// listens gets every message once and in order, or is told before anything newer.
@Suite struct ContinuityRandomTests {
  private static let steps = 20_000

  @Test(arguments: UInt64(0)..<24)
  func everyMessageIsDeliveredOrTold(_ seed: UInt64) throws {
    let world = try run(seed, ContinuityWorld.Trouble(isHard: true, burst: 1500))
    #expect(
      world.deliveries > 500 && world.gaps > 20 && world.reads > 50,
      "seed \(seed): \(world.deliveries), \(world.gaps), \(world.reads)")
  }

  @Test(arguments: UInt64(100)..<124)
  func whereHistoryHoldsEverythingThereIsNoGap(_ seed: UInt64) throws {
    let world = try run(seed, ContinuityWorld.Trouble(isHard: false, burst: 1500))
    #expect(world.gaps == 0, "seed \(seed)")
    #expect(world.deliveries > 500 && world.reads > 50, "seed \(seed): \(world.deliveries), \(world.reads)")
  }

  private func run(_ seed: UInt64, _ failure: ContinuityWorld.Trouble) throws -> ContinuityWorld {
    var world = ContinuityWorld(seed: seed, failure)
    for step in 0..<Self.steps {
      do {
        try world.step()
      } catch let violation as ContinuityWorld.Violation {
        throw ContinuityWorld.Violation(description: "seed \(seed), step \(step): \(violation)")
      }
    }
    do {
      try world.finish()
    } catch let violation as ContinuityWorld.Violation {
      throw ContinuityWorld.Violation(description: "seed \(seed), at the end: \(violation)")
    }
    return world
  }
}
