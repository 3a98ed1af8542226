import Cluster
import Testing

@testable import Broker

/// Who is waited for when all nodes are asked, and what becomes of answers that come early, late or twice.
@Suite struct SurveysTests {
  private let text: [UInt8] = [1, 2, 3]

  private func live(_ nodes: String...) -> [Survey.Silent] {
    nodes.map { Survey.Silent(node: $0, leaseAge: 700) }
  }

  private func begin(_ surveys: inout Surveys, _ caller: UInt64 = 1, now: Int64 = 0) throws -> UInt64 {
    try known(surveys.begin(.control(caller), now: now))
  }

  /// Outside of a macro, in which nothing can be changed.
  private func known<Value>(_ value: Value?, at location: SourceLocation = #_sourceLocation) throws -> Value {
    try #require(value, sourceLocation: location)
  }

  private func nodes(_ finished: Surveys.Finished?) -> [String]? { finished?.survey.replies.map(\.node) }

  // MARK: Answers

  @Test func itIsOverWhenAllHaveAnswered() throws {
    var surveys = Surveys()
    let number = try begin(&surveys, 7)
    #expect(surveys.asked(number, live: live("a", "b")) == nil)
    #expect(surveys.answered(number, by: "b", text) == nil)
    let finished = try known(surveys.answered(number, by: "a", [4]))
    #expect(finished.caller == .control(7))
    #expect(nodes(finished) == ["b", "a"])
    #expect(finished.survey.replies.map(\.text) == [text, [4]])
    #expect(finished.survey.silent == [])
    #expect(surveys.answered(number, by: "a", text) == nil, "it is over")
    #expect(surveys.takeAll() == [])
  }

  @Test func answersMayComeBeforeItIsKnownWhoIsAlive() throws {
    var surveys = Surveys()
    let number = try begin(&surveys)
    #expect(surveys.answered(number, by: "a", text) == nil)
    #expect(surveys.answered(number, by: "b", text) == nil)
    let finished = try known(surveys.asked(number, live: live("b", "a")))
    #expect(nodes(finished) == ["a", "b"] && finished.survey.silent == [])
  }

  @Test func someMayComeBeforeAndSomeAfter() throws {
    var surveys = Surveys()
    let number = try begin(&surveys)
    #expect(surveys.answered(number, by: "a", text) == nil)
    #expect(surveys.asked(number, live: live("a", "b")) == nil)
    #expect(nodes(surveys.answered(number, by: "b", text)) == ["a", "b"])
  }

  @Test func whereNobodyLivesItIsOverAtOnce() throws {
    var surveys = Surveys()
    let finished = try known(surveys.asked(try begin(&surveys), live: []))
    #expect(nodes(finished) == [] && finished.survey.silent == [])
  }

  @Test func aNodeThatHasComeInBetweenCountsToo() throws {
    var surveys = Surveys()
    let number = try begin(&surveys)
    #expect(surveys.asked(number, live: live("a")) == nil)
    #expect(surveys.answered(number, by: "new", text) == nil, "a is still waited for")
    let finished = try known(surveys.answered(number, by: "a", text))
    #expect(nodes(finished) == ["new", "a"] && finished.survey.silent == [])
  }

  @Test func aSecondAnswerOfANodeDoesNotCount() throws {
    var surveys = Surveys()
    let number = try begin(&surveys)
    #expect(surveys.asked(number, live: live("a", "b")) == nil)
    for answer in [text, [9], []] { #expect(surveys.answered(number, by: "a", answer) == nil) }
    let finished = try known(surveys.answered(number, by: "b", text))
    #expect(nodes(finished) == ["a", "b"])
    #expect(finished.survey.replies[0].text == text, "the first counts")
  }

  // MARK: Nodes that cannot tell

  @Test func whoCannotTellIsNotWaitedFor() throws {
    var surveys = Surveys()
    let number = try begin(&surveys)
    #expect(surveys.asked(number, live: live("a", "b")) == nil)
    #expect(surveys.answered(number, by: "a", []) == nil)
    let finished = try known(surveys.answered(number, by: "b", text))
    #expect(nodes(finished) == ["b"])
    #expect(finished.survey.silent == live("a"))
  }

  @Test func soIsWhoSaysSoBeforeItIsKnownWhoIsAlive() throws {
    var surveys = Surveys()
    let number = try begin(&surveys)
    #expect(surveys.answered(number, by: "a", []) == nil)
    let finished = try known(surveys.asked(number, live: live("a")))
    #expect(nodes(finished) == [] && finished.survey.silent == live("a"))
  }

  @Test func whoCanTellAfterAllHasAnswered() throws {
    var surveys = Surveys()
    let number = try begin(&surveys)
    #expect(surveys.asked(number, live: live("a", "b")) == nil)
    #expect(surveys.answered(number, by: "a", []) == nil)
    #expect(surveys.answered(number, by: "a", text) == nil)
    let finished = try known(surveys.answered(number, by: "b", text))
    #expect(nodes(finished) == ["a", "b"] && finished.survey.silent == [])
  }

  @Test func aStrangerThatCannotTellIsNotTold() throws {
    var surveys = Surveys()
    let number = try begin(&surveys)
    #expect(surveys.answered(number, by: "stranger", []) == nil)
    #expect(surveys.asked(number, live: live("a")) == nil)
    #expect(surveys.answered(number, by: "a", text)?.survey.silent == [])
  }

  // MARK: Patience

  @Test func nobodyIsWaitedForForEver() throws {
    var surveys = Surveys()
    let number = try begin(&surveys, now: 5)
    #expect(surveys.asked(number, live: live("a", "b")) == nil)
    #expect(surveys.answered(number, by: "a", text) == nil)
    #expect(surveys.takeOverdue(now: 5 + Surveys.patience - 1).isEmpty)
    let overdue = surveys.takeOverdue(now: 5 + Surveys.patience)
    #expect(overdue.map(\.caller) == [.control(1)])
    #expect(nodes(overdue.first) == ["a"])
    #expect(overdue.first?.survey.silent == live("b"))
    #expect(surveys.takeOverdue(now: .max).isEmpty, "once")
    #expect(surveys.answered(number, by: "b", text) == nil, "too late")
  }

  @Test func eachHasAPatienceOfItsOwn() throws {
    var surveys = Surveys()
    for caller: UInt64 in 1...3 {
      let number = try begin(&surveys, caller, now: Int64(caller) * 100)
      #expect(surveys.asked(number, live: live("a")) == nil)
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
    #expect(surveys.answered(number, by: "a", text) == nil)
    #expect(surveys.takeOverdue(now: 1_000_000).isEmpty, "nobody knows who is to answer")
    #expect(surveys.asked(number, live: live("a", "b")) == nil)
    #expect(nodes(surveys.takeOverdue(now: 1_000_000).first) == ["a"])
  }

  // MARK: Bounds and ends

  @Test func soManyAreUnderWay() throws {
    var surveys = Surveys()
    var numbers: Set<UInt64> = []
    for caller in 1...UInt64(Surveys.capacity) { numbers.insert(try begin(&surveys, caller)) }
    #expect(numbers.count == Surveys.capacity)
    #expect(surveys.begin(.control(100), now: 0) == nil)
    let one = try #require(numbers.first)
    #expect(surveys.asked(one, live: []) != nil)
    let next = try begin(&surveys, 100)
    #expect(!numbers.contains(next), "a late answer is not taken for one to another question")
    #expect(surveys.begin(.control(101), now: 0) == nil)
  }

  @Test func oneThatCouldNotBePassedOnIsOver() throws {
    var surveys = Surveys()
    let (number, other) = (try begin(&surveys, 1), try begin(&surveys, 2))
    #expect(surveys.failed(number) == .control(1))
    #expect(surveys.failed(number) == nil)
    #expect(surveys.asked(number, live: []) == nil)
    #expect(surveys.answered(number, by: "a", text) == nil)
    #expect(surveys.asked(other, live: [])?.caller == .control(2))
  }

  @Test func givingUpEndsAll() throws {
    var surveys = Surveys()
    let (one, two) = (try begin(&surveys, 1), try begin(&surveys, 2))
    #expect(surveys.asked(one, live: live("a")) == nil)
    let callers = surveys.takeAll()
    #expect(callers.count == 2 && callers.contains(.control(1)) && callers.contains(.control(2)))
    #expect(surveys.takeAll() == [])
    #expect(surveys.answered(one, by: "a", text) == nil)
    #expect(surveys.asked(two, live: []) == nil)
    #expect(surveys.takeOverdue(now: .max).isEmpty)
    #expect(try begin(&surveys, 3) > two)
  }

  @Test func whatIsNotAskedIsNotAnswered() {
    var surveys = Surveys()
    #expect(surveys.answered(1, by: "a", text) == nil)
    #expect(surveys.asked(1, live: []) == nil)
    #expect(surveys.failed(1) == nil)
    #expect(surveys.takeAll() == [])
  }
}
