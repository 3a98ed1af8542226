import Locks
import Model
import Reactor
import Testing

@testable import Server

@Suite struct BackendDispatcherTests {
  /// Answers in a moment, or never until it is cancelled; counts how much it does at a time.
  private final class Counting: Backend {
    struct Counts {
      var running = 0
      var peak = 0
      var calls = 0
    }

    let counts = Lock(Counts())
    private let isStuck: Bool

    init(isStuck: Bool) {
      self.isStuck = isStuck
    }

    func answer(to body: [UInt8]) async -> BackendAnswer {
      counts.withLock {
        $0.running += 1
        $0.calls += 1
        $0.peak = max($0.peak, $0.running)
      }
      try? await Task.sleep(for: isStuck ? .seconds(3600) : .milliseconds(1))
      counts.withLock { $0.running -= 1 }
      return .result(String(decoding: body, as: UTF8.self))
    }
  }

  /// The answers that come to a loop of their own.
  private final class Answers: Sendable {
    private let all = Lock<[BackendDispatcher.Answer]>([])
    private let mailbox = Lock<Mailbox<BackendDispatcher.Answer>?>(nil)
    private let thread = Lock<LoopThread?>(nil)

    init() throws {
      let started = try LoopThread.start("desk-test") { [all, mailbox] loop in
        let box = Mailbox<BackendDispatcher.Answer>(on: loop)
        box.receive { answer in all.withLock { $0.append(answer) } }
        mailbox.withLock { $0 = box }
        return nil
      }
      thread.withLock { $0 = started }
    }

    func call(_ number: Int, within milliseconds: Int64) throws -> BackendDispatcher.Call {
      BackendDispatcher.Call(
        session: SessionID(slot: UInt32(number), generation: 7), purpose: .request(RequestID(json: "\(number)")),
        body: Array("\(number)".utf8), deadline: Sys.monotonicMicroseconds() / 1000 + milliseconds,
        answers: try #require(mailbox.withLock { $0 }))
    }

    /// Waits until there are so many.
    func wait(for count: Int) async throws -> [BackendDispatcher.Answer] {
      for _ in 0..<3000 where all.withLock({ $0.count }) < count { try await Task.sleep(for: .milliseconds(10)) }
      thread.withLock { $0 }?.stop()
      return all.withLock { $0 }
    }
  }

  @Test func everyCallIsAnsweredToWhoHasAsked() async throws {
    let backend = Counting(isStuck: false)
    let desk = BackendDispatcher(backend)
    let answers = try Answers()
    for number in 0..<500 { #expect(desk.take(try answers.call(number, within: 3_600_000))) }
    let all = try await answers.wait(for: 500)
    #expect(all.count == 500)
    for answer in all {
      #expect(answer.answer == .result("\(answer.session.slot)"))
      #expect(answer.session.generation == 7)
    }
    #expect(Set(all.map(\.session.slot)).count == 500)
    #expect(backend.counts.withLock { $0.peak } <= 64)
  }

  @Test func aCallEndsWithItsTime() async throws {
    let backend = Counting(isStuck: true)
    let desk = BackendDispatcher(backend)
    let answers = try Answers()
    for number in 0..<100 { #expect(desk.take(try answers.call(number, within: 50))) }
    let all = try await answers.wait(for: 100)
    #expect(all.count == 100)
    for answer in all {
      guard case .failure(let code, _) = answer.answer else {
        Issue.record("answered")
        continue
      }
      #expect(code == .timeout || code == .unavailable)
    }
    #expect(backend.counts.withLock { $0.running } == 0, "whatever ran was cancelled")
  }

  @Test func whatIsTooMuchIsRefused() async throws {
    let desk = BackendDispatcher(Counting(isStuck: true))
    let answers = try Answers()
    let taken = try (0..<1200).map { desk.take(try answers.call($0, within: 600_000)) }
    // Sixty-four that run, and those that may wait.
    #expect(taken.filter(\.self).count == 1088)
    #expect(try await answers.wait(for: 0).isEmpty)
  }
}
