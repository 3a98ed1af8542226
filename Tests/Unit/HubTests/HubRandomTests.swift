import Cluster
import Model
import TestSupport
import Testing

/// Thousands of random events against a model; a failure names its seed and step, and the seed repeats it. The fuzzing tier
/// takes the same model through more of them, optimised.
@Suite struct HubRandomTests {
  private static let slots: UInt32 = 10
  private static let channels = ["a", "b", "c", "d", "e"].map(channel)
  private static let steps = 10_000

  @Test(arguments: UInt64(0)..<8)
  func everyEventHasTheRightEffect(_ seed: UInt64) throws {
    var generator = SplitMix64(seed: seed)
    var simulation = HubSimulation()
    for step in 0..<Self.steps {
      do {
        try Self.step(&simulation, &generator)
      } catch let violation as Violation {
        throw Violation(description: "seed \(seed), step \(step): \(violation)")
      }
    }
    do {
      try Self.finish(&simulation)
    } catch let violation as Violation {
      throw Violation(description: "seed \(seed), at the end: \(violation)")
    }
    #expect(simulation.effects > 1500, "seed \(seed)")
    #expect(simulation.arrivals > 1500, "seed \(seed)")
    #expect(simulation.recovered > 10, "seed \(seed)")
    #expect(simulation.overruns > 0, "seed \(seed)")
    #expect(simulation.puts > 100 && simulation.failedPuts > 3 && simulation.takes > 20, "seed \(seed)")
  }

  private static func step(_ simulation: inout HubSimulation, _ generator: inout SplitMix64) throws {
    let slot = UInt32.random(in: 0..<slots, using: &generator)
    let channel = channels[Int.random(in: 0..<channels.count, using: &generator)]
    switch Int.random(in: 0..<100, using: &generator) {
    case 0..<2: if simulation.open[slot] != nil { try simulation.close(slot) }
    case 2..<15: if simulation.open[slot] == nil { try simulation.open(slot) }
    case 15..<22:
      guard simulation.open[slot] != nil else { return }
      if Bool.random(using: &generator) { return try simulation.take(slot, channel) }
      let mode: PresenceMode = Int.random(in: 0..<3, using: &generator) == 0 ? .member : .none
      try simulation.put(slot, channel, mode)
    case 22..<46:
      guard simulation.open[slot] != nil else { return }
      try simulation.run(command(&generator), slot, channel, since: since(simulation.streams[channel], &generator))
    case 46..<60: try past(&simulation, channel, slot, &generator)
    case 60..<70:
      let waiting = channels.filter { simulation.wanted.contains($0) && !simulation.confirmed.contains($0) }
      if let channel = waiting.randomElement(using: &generator) { try simulation.confirm(channel) }
    case 70..<80:
      guard !simulation.questions.isEmpty else { return }
      let question = Int.random(in: 0..<simulation.questions.count, using: &generator)
      try simulation.answer(question, success: Int.random(in: 0..<6, using: &generator) > 0)
    case 80:
      let other = channels.randomElement(using: &generator)
      switch Int.random(in: 0..<4, using: &generator) {
      case 0: try simulation.adopt(forbidden: channel, quiet: other)
      case 1: try simulation.adopt(forbidden: nil, quiet: other)
      default: try simulation.adopt(forbidden: nil, quiet: nil)
      }
    case 81..<96:
      let audience: Audience = Bool.random(using: &generator) ? .listeners : .watchers
      let isLeftOut = simulation.open[slot] != nil && Bool.random(using: &generator)
      let isSignal = audience == .listeners && Int.random(in: 0..<4, using: &generator) == 0
      try simulation.deliver(
        audience, channel, without: isLeftOut ? slot : nil, isSignal ? .fleeting : .none,
        large: Int.random(in: 0..<8, using: &generator) == 0)
    case 96 where simulation.open[slot] != nil && Bool.random(using: &generator):
      try simulation.identify(slot, as: Bool.random(using: &generator) ? "alice" : "bob")
    case 96: if Int.random(in: 0..<4, using: &generator) == 0 { try simulation.loseSubscriptions() }
    default:
      switch simulation.link {
      case .up: if Int.random(in: 0..<6, using: &generator) == 0 { try simulation.change(link: .lost) }
      case .lost: try simulation.change(link: Bool.random(using: &generator) ? .up : .down)
      case .down: try simulation.change(link: .up)
      }
    }
  }

  /// What happens in channels that keep history.
  private static func past(
    _ simulation: inout HubSimulation, _ channel: ChannelName, _ slot: UInt32, _ generator: inout SplitMix64
  ) throws {
    let channel = HubSimulation.kept.contains(channel) ? channel : HubSimulation.last
    let dice = Int.random(in: 0..<100, using: &generator)
    switch dice {
    case 0..<25:
      let isLeftOut = simulation.open[slot] != nil && dice < 8
      simulation.publish(to: channel, without: isLeftOut ? slot : nil)
    case 25..<55: try simulation.handOn(channel, large: dice < 28)
    case 55..<58: try simulation.handOn(channel, losing: dice - 55)
    case 58: simulation.beginEpoch(of: channel)
    default:
      guard let number = simulation.readings.indices.randomElement(using: &generator) else { return }
      if dice < 70 { return simulation.make(number) }
      let waiting = [0, 0, 0, 1, HubSimulation.maxRecovery].randomElement(using: &generator) ?? 0
      try simulation.answerRead(number, success: dice < 97, waiting: waiting)
    }
  }

  private static func since(
    _ stream: HubSimulation.Stream?, _ generator: inout SplitMix64
  ) -> StreamPosition? {
    guard let stream, Bool.random(using: &generator) else { return nil }
    let epoch = max(0, stream.epoch - (Int.random(in: 0..<8, using: &generator) == 0 ? 1 : 0))
    return stream.position(
      epoch, max(0, stream.latest + 2 - Int.random(in: 0..<(HubSimulation.size + 4), using: &generator)))
  }

  private static func command(_ generator: inout SplitMix64) -> HubSimulation.Command {
    switch Int.random(in: 0..<10, using: &generator) {
    case 0..<2: .subscribe(.none)
    case 2: .subscribe(.watch)
    case 3..<6: .subscribe(.member)
    case 6..<8: .unsubscribe
    case 8: .publish(echo: Bool.random(using: &generator))
    default: .presence
    }
  }

  /// The broker answers everything, then everybody goes.
  private static func finish(_ simulation: inout HubSimulation) throws {
    try simulation.change(link: .up)
    var rounds = 0
    while simulation.places.values.contains(where: \.isPending) {
      rounds += 1
      try simulation.check(rounds < 1000, "something is never answered")
      for channel in channels where simulation.wanted.contains(channel) && !simulation.confirmed.contains(channel) {
        try simulation.confirm(channel)
      }
      for channel in HubSimulation.kept.sorted(by: { $0.string < $1.string }) {
        for _ in 0..<10 { try simulation.handOn(channel) }
      }
      for number in simulation.readings.indices.reversed() {
        try simulation.answerRead(number, success: true, waiting: 0)
      }
      while !simulation.questions.isEmpty { try simulation.answer(0, success: true) }
    }
    let meant = Set(simulation.places.filter { $0.value.mode == .member }.keys)
    try simulation.check(simulation.members == meant, "members \(simulation.members), meant \(meant)")
    for slot in simulation.open.keys.sorted() { try simulation.close(slot) }
    try simulation.check(simulation.wanted.isEmpty, "\(simulation.wanted) are still attached")
    try simulation.check(simulation.members.isEmpty, "\(simulation.members) are still members")
  }
}
