@testable import Broker
import Cluster
import Model
import TestSupport
import Testing

/// Reads of histories in line: few under way, equal ones once, and who goes first.
@Suite struct ReadQueueTests {
  private var queue = ReadQueue()

  private func reader(_ number: UInt32, isForSubscribe: Bool = true) -> Caller {
    let session = SessionID(slot: number, generation: 0)
    let asker =
      isForSubscribe ? Asker.subscribe(session, channel("a"), attempt: UInt64(number)) : .command(session, nil)
    return .connection(asker, on: 0)
  }

  private func slot(_ caller: Caller) -> String {
    guard case .connection(let asker, on: _) = caller else { return "control" }
    return String(asker.session.slot)
  }

  private mutating func ask(
    _ number: UInt32, _ name: String, newest count: Int = 0, isForSubscribe: Bool = true
  ) -> Bool {
    let request = ReadQueue.Request(
      channel: channel(name), subject: .history(count == 0 ? .position : .newest(count)),
      line: isForSubscribe ? .subscribes : .commands)
    return queue.add(reader(number, isForSubscribe: isForSubscribe), request)
  }

  private func roster(_ name: String, _ line: ReadQueue.Line, _ subject: ReadQueue.Subject = .roster)
    -> ReadQueue.Request
  {
    ReadQueue.Request(channel: channel(name), subject: subject, line: line)
  }

  private mutating func askRoster(
    _ number: UInt32, _ name: String, _ subject: ReadQueue.Subject = .roster, isForSubscribe: Bool = true
  ) -> Bool {
    queue.add(
      reader(number, isForSubscribe: isForSubscribe), roster(name, isForSubscribe ? .subscribes : .commands, subject))
  }

  /// All who watch want to know.
  private mutating func tellRoster(_ name: String) -> Bool {
    queue.add([], roster(name, .watchers))
  }

  /// The next read in words: `missing a`, or the channel and the connections that want it.
  private mutating func next() -> String? {
    switch queue.next() {
    case nil: nil
    case .missing(let channel): "missing \(channel)"
    case .clients(let request, let readers):
      "\(request.channel) " + readers.map(slot).joined(separator: " ")
    }
  }

  @Test mutating func equalOnesAreOneUntilItBegins() {
    for number: UInt32 in 1...3 { #expect(ask(number, "a")) }
    #expect(ask(4, "b"))
    #expect(next() == "a 1 2 3")
    #expect(ask(5, "a"), "what was published since that read began it would not tell")
    #expect(next() == "b 4")
    #expect(next() == "a 5")
    #expect(next() == nil)
  }

  @Test mutating func otherQuestionsAreOtherReads() {
    #expect(ask(1, "a") && ask(2, "a", newest: 1) && ask(3, "a", newest: 2))
    #expect(ask(4, "a", newest: 1, isForSubscribe: false), "a command begins no history")
    #expect([next(), next(), next(), next()] == ["a 1", "a 2", "a 3", "a 4"])
  }

  @Test mutating func theNodeGoesFirstAndCommandsLast() {
    #expect(ask(1, "a", newest: 5, isForSubscribe: false) && ask(2, "b"))
    queue.add(missing: channel("c"))
    #expect([next(), next(), next(), next()] == ["missing c", "b 2", "a 1", nil])
  }

  @Test mutating func fewAreUnderWay() {
    for number in 0..<20 { #expect(ask(UInt32(number), "room:\(number)")) }
    for _ in 0..<ReadQueue.maxUnderWay { #expect(next() != nil) }
    #expect(next() == nil)
    queue.ended()
    #expect(next() == "room:8 8")
    #expect(next() == nil)
  }

  @Test mutating func commandsThatWaitAreBounded() {
    for number in 0..<ReadQueue.maxCommands {
      #expect(ask(UInt32(number), "a", newest: 1 + number % 3, isForSubscribe: false))
    }
    #expect(!ask(9, "a", newest: 1, isForSubscribe: false))
    #expect(ask(9, "a"), "a subscribe is bounded by its connection's channels")
    #expect(next() == "a 9")
    #expect(next()?.hasPrefix("a 0 3 6 ") == true)
    #expect(ask(9, "a", newest: 1, isForSubscribe: false), "there is room again")
  }

  @Test mutating func whatWaitsCanBeTakenBack() {
    #expect(ask(1, "a") && ask(2, "a") && ask(3, "b", newest: 1, isForSubscribe: false))
    #expect(queue.takeRequests().map { $0.1.count } == [2, 1])
    #expect(next() == nil)
    #expect(queue.takeRequests().isEmpty)
  }

  @Test mutating func aRosterIsReadOnceAtATime() {
    #expect(askRoster(1, "a") && askRoster(2, "a"))
    #expect(next() == "a 1 2")
    for number: UInt32 in 3...100 { #expect(askRoster(number, "a")) }
    #expect(askRoster(200, "b"))
    #expect(next() == "b 200")
    #expect(next() == nil, "what is read was asked for before they came; the next begins behind it")
    queue.ended(roster("a", .subscribes))
    #expect(next() == "a " + (3...100).map(String.init).joined(separator: " "))
    queue.ended(roster("a", .subscribes))
    queue.ended(roster("b", .subscribes))
    #expect(next() == nil)
    #expect(queue.underWay == 0)
  }

  @Test mutating func whatIsAskedInOtherWaysOfARosterIsAnotherRead() {
    #expect(askRoster(1, "a") && askRoster(2, "a", isForSubscribe: false))
    #expect(askRoster(3, "a", .count, isForSubscribe: false))
    #expect(tellRoster("a") && tellRoster("a"))
    #expect([next(), next(), next(), next(), next()] == ["a ", "a 1", "a 2", "a 3", nil], "who watches goes first")
    #expect(tellRoster("a"))
    #expect(next() == nil)
    queue.ended(roster("a", .watchers))
    #expect(next() == "a ", "something has changed since that read began")
  }

  @Test mutating func rostersThatWaitForOthersCanBeTakenBack() {
    #expect(askRoster(1, "a", isForSubscribe: false))
    #expect(next() == "a 1")
    for number in 0..<ReadQueue.maxCommands { #expect(askRoster(UInt32(number), "a", isForSubscribe: false)) }
    #expect(!askRoster(9, "a", isForSubscribe: false), "those that wait are bounded, too")
    #expect(queue.takeRequests().map { $0.1.count } == [ReadQueue.maxCommands])
    queue.ended(roster("a", .commands))
    #expect(next() == nil)
    #expect(askRoster(9, "a", isForSubscribe: false), "there is room again")
    #expect(next() == "a 9")
  }
}
