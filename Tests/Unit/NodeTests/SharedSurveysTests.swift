import Cluster
import Locks
import Model
import Server
import TestSupport
import Testing

@testable import Node

/// Who asks the same at the same time is answered by one survey; what changes something is done each time.
@Suite struct SharedSurveysTests {
  /// Counts surveys, and answers each by its number.
  private final class Asked: Sendable {
    private let texts = Lock<[[UInt8]]>([])

    var count: Int { texts.withLock { $0.count } }

    func ask(_ text: [UInt8]) async -> Result<Survey, Refusal> {
      let number = texts.withLock { texts in
        texts.append(text)
        return texts.count
      }
      // The others ask meanwhile.
      for _ in 0..<10 { await Task.yield() }
      return .success(Survey(replies: [Survey.Reply(node: "\(number)", text: text)]))
    }
  }

  private func node(_ result: Result<Survey, Refusal>) throws -> String {
    try #require(result.get().replies.first).node
  }

  /// Asks so often at once; what surveys have answered, and whether all was quick enough for one to serve all.
  private func ask(
    _ question: NodeQuestion, _ count: Int, _ surveys: SharedSurveys
  ) async throws -> (answers: [String], isQuick: Bool) {
    let began = ContinuousClock.now
    let results = await withTaskGroup(of: Result<Survey, Refusal>.self) { group in
      for _ in 0..<count { group.addTask { await surveys.ask(question) } }
      return await group.reduce(into: []) { $0.append($1) }
    }
    return (try results.map(node), ContinuousClock.now - began < .milliseconds(250))
  }

  @Test func whoAsksTheSameSharesTheAnswer() async throws {
    for _ in 0..<100 {
      let asked = Asked()
      let (answers, isQuick) = try await ask(.node, 100, SharedSurveys { await asked.ask($0) })
      // Not on a machine that was busy with something else.
      guard isQuick else { continue }
      #expect(answers == Array(repeating: "1", count: 100))
      return #expect(asked.count == 1)
    }
    Issue.record("it never took less than the time for which an answer serves")
  }

  @Test func whoAsksSomethingElseDoesNot() async throws {
    let asked = Asked()
    let surveys = SharedSurveys { await asked.ask($0) }
    let questions: [NodeQuestion] = [
      .node, .statistics, .connections(user("alice")), .connections(user("bob")), .subscribers(["a"]),
      .subscribers(["b"]),
      .channels(match: nil, after: nil, limit: 1), .channels(match: nil, after: nil, limit: 2),
      .channels(match: nil, after: "x", limit: 1), .channels(match: "x", after: nil, limit: 1),
      .largestChannels(match: nil, limit: 1),
    ]
    for question in questions {
      #expect(try await surveys.ask(question).get().replies.first?.text == question.text)
    }
    #expect(asked.count == questions.count)
  }

  @Test func afterAWhileItIsAskedAnew() async throws {
    let asked = Asked()
    let surveys = SharedSurveys { await asked.ask($0) }
    #expect(try node(await surveys.ask(.node)) == "1")
    try await Task.sleep(for: .milliseconds(260))
    #expect(try node(await surveys.ask(.node)) == "2")
  }

  @Test func whatChangesSomethingIsDoneEachTime() async throws {
    let (alice, room) = (user("alice"), channel("room"))
    let actions: [NodeQuestion] = [
      .disconnect(.user(alice), reason: "x"), .put(alice, room, isMember: false, info: nil), .take(alice, room),
    ]
    let asked = Asked()
    let surveys = SharedSurveys { await asked.ask($0) }
    for action in actions {
      let answers = try await ask(action, 20, surveys).answers
      #expect(Set(answers).count == 20, "each has its own answer")
    }
    #expect(asked.count == 60)
  }

  @Test func aRefusalReachesAll() async throws {
    let surveys = SharedSurveys { _ in .failure(Refusal(.unavailable, "Not now.")) }
    for _ in 0..<3 {
      guard case .failure(let refusal) = await surveys.ask(.node) else {
        Issue.record("it was answered")
        continue
      }
      #expect(refusal.code == .unavailable)
    }
  }
}
