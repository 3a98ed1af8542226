import Cluster
import LoopTestSupport
import Model
import Reactor
import Testing

@testable import Server

/// What the control plane asks.
@Suite struct RelayTests {
  /// Answers everything at once, and remembers in which turn of its loop each was asked.
  private final class InstantBroker: Broker {
    private unowned let loop: Loop
    private unowned let outlet: any BrokerOutlet
    private(set) var turns: [Int] = []
    private(set) var texts: [UInt8] = []

    init(on loop: Loop, _ outlet: any BrokerOutlet) {
      self.loop = loop
      self.outlet = outlet
    }

    func ask(_ question: Question, by caller: Caller) {
      turns.append(loop.turns)
      guard case .survey(let text) = question else { return }
      texts += text
      outlet.answer(.success(.surveyed(Survey(replies: [.init(node: "n", text: text)], silent: []))), to: caller)
    }

    func start() {}
    func take(_ report: LoopReport, from loop: LoopIndex) {}
    func beginDraining() {}
    func waitForGraces(then done: @escaping () -> Void) { done() }
    func stop(then done: @escaping () -> Void) { done() }
    var status: BrokerStatus { BrokerStatus() }
  }

  private func relay(on loop: Loop) -> (Relay, InstantBroker) {
    let relay = Relay(on: loop) { _ in [] }
    relay.begin([], []) { InstantBroker(on: $0, $1) }
    // Made by the line before.
    return (relay, relay.broker as? InstantBroker ?? InstantBroker(on: loop, relay))
  }

  private func questions(_ numbers: Range<UInt8>) -> [Question] { numbers.map { .survey([$0]) } }

  private func texts(_ answers: [Result<Answer, Refusal>]) -> [UInt8] {
    answers.compactMap {
      if case .success(.surveyed(let survey)) = $0 { survey.replies.first?.text.first } else { nil }
    }
  }

  @Test func manyQuestionsTakeSeveralTurnsAndKeepTheirOrder() throws {
    let loop = try Loop()
    let (relay, broker) = relay(on: loop)
    var answered: [[UInt8]] = []
    loop.after(1) {
      relay.ask(questions(0..<100)) { answered.append(texts($0)) }
      // Behind them.
      relay.ask(questions(200..<201)) { answers in
        answered.append(texts(answers))
        loop.stop()
      }
    }
    try loop.runUntilStopped()
    #expect(answered == [Array(0..<100), [200]])
    let perTurn = Dictionary(grouping: broker.turns) { $0 }.values.map(\.count)
    #expect(broker.texts == Array(0..<100) + [200])
    #expect(perTurn.max() == 32)
  }

  @Test func severalSmallBatchesShareATurn() throws {
    let loop = try Loop()
    let (relay, broker) = relay(on: loop)
    var answered: [[UInt8]] = []
    loop.after(1) {
      for start: UInt8 in [0, 20, 40] { relay.ask(questions(start..<start + 20)) { answered.append(texts($0)) } }
      loop.after(20) { loop.stop() }
    }
    try loop.runUntilStopped()
    #expect(answered == [Array(0..<20), Array(20..<40), Array(40..<60)])
    #expect(broker.texts == Array(0..<60))
    let perTurn = Dictionary(grouping: broker.turns) { $0 }
    #expect(perTurn.keys.sorted().map { perTurn[$0]?.count } == [32, 28])
  }

  @Test func whatWasNotAskedBeforeTheEndIsRefused() throws {
    let loop = try Loop()
    let (relay, broker) = relay(on: loop)
    var answers: [Result<Answer, Refusal>] = []
    loop.after(1) {
      relay.ask(questions(0..<100)) { answers = $0 }
      relay.stopped()
    }
    loop.after(50) { loop.stop() }
    try loop.runUntilStopped()
    #expect(broker.turns.count == 32)
    #expect(texts(answers) == Array(0..<32))
    #expect(answers.count == 100)
  }

  @Test func nothingIsAnsweredByNothing() throws {
    let loop = try Loop()
    let (relay, _) = relay(on: loop)
    var count = 0
    relay.ask([]) { count += $0.count + 1 }
    #expect(count == 1)
  }
}
