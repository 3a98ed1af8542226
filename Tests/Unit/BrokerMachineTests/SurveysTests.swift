import Cluster
import Model
import Testing

@testable import Broker

/// Who is waited for when all nodes are asked, and what becomes of answers that come early, late or twice.
@Suite struct SurveysTests {
  private let text: [UInt8] = [1, 2, 3]
  private let refusal = Refusal(.unavailable, "away")

  private func live(_ nodes: String...) -> [Survey.Silent] {
    nodes.map { Survey.Silent(node: $0, leaseAge: 700) }
  }

  private func begin(_ surveys: inout Surveys, _ caller: UInt64 = 1, now: Int64 = 0) throws -> UInt64 {
    try known(surveys.begin(.control(caller), in: [0], now: now))
  }

  /// Outside of a macro, in which nothing can be changed.
  private func known<Value>(_ value: Value?, at location: SourceLocation = #_sourceLocation) throws -> Value {
    try #require(value, sourceLocation: location)
  }

  private func nodes(_ finished: Surveys.Outcome?) -> [String]? { finished?.survey.replies.map(\.node) }

  // MARK: Answers

  @Test func itIsOverWhenAllHaveAnswered() throws {
    var surveys = Surveys()
    let number = try begin(&surveys, 7)
    #expect(surveys.asked(number, in: 0, live: live("a", "b")) == nil)
    #expect(surveys.answered(number, by: ["b"], text) == nil)
    let finished = try known(surveys.answered(number, by: ["a"], [4]))
    #expect(finished.caller == .control(7))
    #expect(nodes(finished) == ["b", "a"])
    #expect(finished.survey.replies.map(\.text) == [text, [4]])
    #expect(finished.survey.silent == [])
    #expect(surveys.answered(number, by: ["a"], text) == nil, "it is over")
    #expect(surveys.takeAll() == [])
  }

  @Test func answersMayComeBeforeItIsKnownWhoIsAlive() throws {
    var surveys = Surveys()
    let number = try begin(&surveys)
    #expect(surveys.answered(number, by: ["a"], text) == nil)
    #expect(surveys.answered(number, by: ["b"], text) == nil)
    let finished = try known(surveys.asked(number, in: 0, live: live("b", "a")))
    #expect(nodes(finished) == ["a", "b"] && finished.survey.silent == [])
  }

  @Test func someMayComeBeforeAndSomeAfter() throws {
    var surveys = Surveys()
    let number = try begin(&surveys)
    #expect(surveys.answered(number, by: ["a"], text) == nil)
    #expect(surveys.asked(number, in: 0, live: live("a", "b")) == nil)
    #expect(nodes(surveys.answered(number, by: ["b"], text)) == ["a", "b"])
  }

  @Test func whereNobodyLivesItIsOverAtOnce() throws {
    var surveys = Surveys()
    let finished = try known(surveys.asked(try begin(&surveys), in: 0, live: []))
    #expect(nodes(finished) == [] && finished.survey.silent == [])
  }

  @Test func aNodeThatHasComeInBetweenCountsToo() throws {
    var surveys = Surveys()
    let number = try begin(&surveys)
    #expect(surveys.asked(number, in: 0, live: live("a")) == nil)
    #expect(surveys.answered(number, by: ["new"], text) == nil, "a is still waited for")
    let finished = try known(surveys.answered(number, by: ["a"], text))
    #expect(nodes(finished) == ["new", "a"] && finished.survey.silent == [])
  }

  @Test func aSecondAnswerOfANodeDoesNotCount() throws {
    var surveys = Surveys()
    let number = try begin(&surveys)
    #expect(surveys.asked(number, in: 0, live: live("a", "b")) == nil)
    for answer in [text, [9], []] { #expect(surveys.answered(number, by: ["a"], answer) == nil) }
    let finished = try known(surveys.answered(number, by: ["b"], text))
    #expect(nodes(finished) == ["a", "b"])
    #expect(finished.survey.replies[0].text == text, "the first counts")
  }

  // MARK: Nodes that cannot tell

  @Test func whoCannotTellIsNotWaitedFor() throws {
    var surveys = Surveys()
    let number = try begin(&surveys)
    #expect(surveys.asked(number, in: 0, live: live("a", "b")) == nil)
    #expect(surveys.answered(number, by: ["a"], []) == nil)
    let finished = try known(surveys.answered(number, by: ["b"], text))
    #expect(nodes(finished) == ["b"])
    #expect(finished.survey.silent == live("a"))
  }

  @Test func soIsWhoSaysSoBeforeItIsKnownWhoIsAlive() throws {
    var surveys = Surveys()
    let number = try begin(&surveys)
    #expect(surveys.answered(number, by: ["a"], []) == nil)
    let finished = try known(surveys.asked(number, in: 0, live: live("a")))
    #expect(nodes(finished) == [] && finished.survey.silent == live("a"))
  }

  @Test func whoCanTellAfterAllHasAnswered() throws {
    var surveys = Surveys()
    let number = try begin(&surveys)
    #expect(surveys.asked(number, in: 0, live: live("a", "b")) == nil)
    #expect(surveys.answered(number, by: ["a"], []) == nil)
    #expect(surveys.answered(number, by: ["a"], text) == nil)
    let finished = try known(surveys.answered(number, by: ["b"], text))
    #expect(nodes(finished) == ["a", "b"] && finished.survey.silent == [])
  }

  @Test func aStrangerThatCannotTellIsNotTold() throws {
    var surveys = Surveys()
    let number = try begin(&surveys)
    #expect(surveys.answered(number, by: ["stranger"], []) == nil)
    #expect(surveys.asked(number, in: 0, live: live("a")) == nil)
    #expect(surveys.answered(number, by: ["a"], text)?.survey.silent == [])
  }

  // MARK: Patience

  @Test func nobodyIsWaitedForForEver() throws {
    var surveys = Surveys()
    let number = try begin(&surveys, now: 5)
    #expect(surveys.asked(number, in: 0, live: live("a", "b")) == nil)
    #expect(surveys.answered(number, by: ["a"], text) == nil)
    #expect(surveys.takeOverdue(now: 5 + Surveys.patience - 1).isEmpty)
    let overdue = surveys.takeOverdue(now: 5 + Surveys.patience)
    #expect(overdue.map(\.caller) == [.control(1)])
    #expect(nodes(overdue.first) == ["a"])
    #expect(overdue.first?.survey.silent == live("b"))
    #expect(surveys.takeOverdue(now: .max).isEmpty, "once")
    #expect(surveys.answered(number, by: ["b"], text) == nil, "too late")
  }

  @Test func eachHasAPatienceOfItsOwn() throws {
    var surveys = Surveys()
    for caller: UInt64 in 1...3 {
      let number = try begin(&surveys, caller, now: Int64(caller) * 100)
      #expect(surveys.asked(number, in: 0, live: live("a")) == nil)
    }
    let overdue = surveys.takeOverdue(now: 200 + Surveys.patience)
    #expect(Set(overdue.map(\.survey.silent.count)) == [1])
    #expect(overdue.map(\.caller).contains(.control(1)) && overdue.map(\.caller).contains(.control(2)))
    #expect(overdue.count == 2)
    #expect(surveys.takeAll() == [.control(3)])
  }

  @Test func aQuestionThatIsOnItsWayIsNotOverdue() throws {
    var surveys = Surveys()
    let number = try begin(&surveys)
    #expect(surveys.answered(number, by: ["a"], text) == nil)
    #expect(surveys.takeOverdue(now: 1_000_000).isEmpty, "nobody knows who is to answer")
    #expect(surveys.asked(number, in: 0, live: live("a", "b")) == nil)
    #expect(nodes(surveys.takeOverdue(now: 1_000_000).first) == ["a"])
  }

  // MARK: Several keyspaces

  private func begin(
    _ surveys: inout Surveys, in keyspaces: [KeyspaceIndex], away: [KeyspaceIndex] = []
  ) throws -> UInt64 {
    try known(surveys.begin(.control(1), in: keyspaces, away: away, now: 0))
  }

  @Test func whoLivesInOneAloneIsWaitedForToo() throws {
    var surveys = Surveys()
    let number = try begin(&surveys, in: [0, 1, 2])
    #expect(surveys.asked(number, in: 1, live: live("a")) == nil)
    #expect(surveys.answered(number, by: ["a"], text) == nil, "two have not told who is alive")
    #expect(surveys.asked(number, in: 0, live: live("a", "b")) == nil)
    #expect(surveys.asked(number, in: 2, live: live("a")) == nil)
    let finished = try known(surveys.answered(number, by: ["b"], text))
    #expect(nodes(finished) == ["a", "b"] && finished.survey.silent == [] && finished.away == [])
  }

  @Test func eachTellsOnce() throws {
    var surveys = Surveys()
    let number = try begin(&surveys, in: [0, 1])
    #expect(surveys.asked(number, in: 0, live: []) == nil)
    #expect(surveys.asked(number, in: 0, live: live("a")) == nil)
    #expect(surveys.failed(number, in: 0, refusal) == nil)
    #expect(surveys.asked(number, in: 7, live: live("a")) == nil, "nobody asked there")
    #expect(try known(surveys.asked(number, in: 1, live: [])).survey.silent == [])
  }

  @Test func aNodeOfSeveralIdsIsOne() throws {
    var surveys = Surveys()
    let number = try begin(&surveys, in: [0, 1])
    #expect(surveys.asked(number, in: 0, live: live("a.1")) == nil)
    #expect(surveys.asked(number, in: 1, live: live("a.2")) == nil)
    let finished = try known(surveys.answered(number, by: ["a.1", "a.2"], text))
    #expect(nodes(finished) == ["a.1"] && finished.survey.silent == [])
  }

  @Test func itCountsOnceByWhicheverId() throws {
    var surveys = Surveys()
    let number = try begin(&surveys, in: [0])
    #expect(surveys.answered(number, by: ["a.1", "a.2"], text) == nil)
    #expect(surveys.answered(number, by: ["a.2"], [9]) == nil)
    #expect(nodes(surveys.asked(number, in: 0, live: live("a.2"))) == ["a.1"])
  }

  @Test func aSilentNodeIsNamedOnceWithItsLatestLease() throws {
    var surveys = Surveys()
    let number = try begin(&surveys, in: [0, 1])
    #expect(surveys.asked(number, in: 0, live: [Survey.Silent(node: "a", leaseAge: 9000)]) == nil)
    #expect(surveys.asked(number, in: 1, live: [Survey.Silent(node: "a", leaseAge: 10)]) == nil)
    #expect(surveys.takeOverdue(now: Surveys.patience).first?.survey.silent == [.init(node: "a", leaseAge: 10)])
  }

  @Test func thoseThatAreAwayAreNamed() throws {
    var surveys = Surveys()
    let number = try begin(&surveys, in: [0, 2, 3], away: [1])
    #expect(surveys.asked(number, in: 0, live: live("a")) == nil)
    #expect(surveys.answered(number, by: ["a"], text) == nil)
    #expect(surveys.failed(number, in: 3, refusal) == nil)
    let finished = try known(surveys.failed(number, in: 2, refusal))
    #expect(nodes(finished) == ["a"] && finished.away == [1, 2, 3])
  }

  @Test func itIsRefusedWhereNoneCouldPassItOn() throws {
    var surveys = Surveys()
    let number = try begin(&surveys, in: [0, 1], away: [2])
    #expect(surveys.failed(number, in: 0, refusal) == nil)
    #expect(try known(surveys.failed(number, in: 1, refusal)).isRefused)
    #expect(surveys.takeAll() == [])
  }

  @Test func oneThatDoesNotTellInTimeIsAway() throws {
    var surveys = Surveys()
    let number = try begin(&surveys, in: [0, 1])
    #expect(surveys.answered(number, by: ["a"], text) == nil)
    #expect(surveys.takeOverdue(now: 1_000_000).isEmpty, "it is on its way everywhere")
    #expect(surveys.asked(number, in: 1, live: live("a")) == nil)
    let overdue = try known(surveys.takeOverdue(now: Surveys.patience).first)
    #expect(nodes(overdue) == ["a"] && overdue.away == [0])
    #expect(surveys.asked(number, in: 0, live: live("b")) == nil, "too late")
  }

  @Test func aQuestionIsNewOnce() {
    var heard = HeardNumbers(capacity: 100)
    let newOf = { (numbers: [UInt64]) in numbers.filter { heard.isNew($0) } }
    #expect(newOf([1, 2, 1, 2]) == [1, 2])
    let others = Array(UInt64(10)..<UInt64(110))
    #expect(newOf(others) == others)
    #expect(newOf([1]) == [1], "forgotten for later ones")
    #expect(newOf(others.suffix(2) + others.dropFirst().prefix(2)) == [])
  }

  // MARK: Bounds and ends

  @Test func soManyAreUnderWay() throws {
    var surveys = Surveys()
    var numbers: Set<UInt64> = []
    for caller in 1...UInt64(Surveys.capacity) { numbers.insert(try begin(&surveys, caller)) }
    #expect(numbers.count == Surveys.capacity)
    #expect(surveys.begin(.control(100), in: [0], now: 0) == nil)
    let one = try #require(numbers.first)
    #expect(surveys.asked(one, in: 0, live: []) != nil)
    let next = try begin(&surveys, 100)
    #expect(!numbers.contains(next), "a late answer is not taken for one to another question")
    #expect(surveys.begin(.control(101), in: [0], now: 0) == nil)
  }

  @Test func oneThatCouldNotBePassedOnIsOver() throws {
    var surveys = Surveys()
    let (number, other) = (try begin(&surveys, 1), try begin(&surveys, 2))
    let refused = try known(surveys.failed(number, in: 0, refusal))
    #expect(refused.caller == .control(1) && refused.isRefused)
    #expect(surveys.failed(number, in: 0, refusal) == nil)
    #expect(surveys.asked(number, in: 0, live: []) == nil)
    #expect(surveys.answered(number, by: ["a"], text) == nil)
    #expect(surveys.asked(other, in: 0, live: [])?.caller == .control(2))
  }

  @Test func givingUpEndsAll() throws {
    var surveys = Surveys()
    let (one, two) = (try begin(&surveys, 1), try begin(&surveys, 2))
    #expect(surveys.asked(one, in: 0, live: live("a")) == nil)
    let callers = surveys.takeAll()
    #expect(callers.count == 2 && callers.contains(.control(1)) && callers.contains(.control(2)))
    #expect(surveys.takeAll() == [])
    #expect(surveys.answered(one, by: ["a"], text) == nil)
    #expect(surveys.asked(two, in: 0, live: []) == nil)
    #expect(surveys.takeOverdue(now: .max).isEmpty)
    #expect(try begin(&surveys, 3) > two)
  }

  @Test func whatIsNotAskedIsNotAnswered() {
    var surveys = Surveys()
    #expect(surveys.answered(1, by: ["a"], text) == nil)
    #expect(surveys.asked(1, in: 0, live: []) == nil)
    #expect(surveys.failed(1, in: 0, refusal) == nil)
    #expect(surveys.takeAll() == [])
  }
}

extension Surveys.Outcome {
  fileprivate var survey: Survey { if case .finished(let survey, _, _) = self { survey } else { Survey(replies: []) } }
  fileprivate var away: [KeyspaceIndex]? { if case .finished(_, _, let away) = self { away } else { nil } }
  fileprivate var isRefused: Bool { if case .refused = self { true } else { false } }

  fileprivate var caller: Caller {
    switch self {
    case .finished(_, let caller, _), .refused(_, let caller): caller
    }
  }
}
