import Cluster
import DequeModule
import Model
import Reactor

/// The relay loop's end of a server: takes the loops' questions and reports to the broker, and its events back to them.
///
/// With one loop it lives there; with more it has a thread of its own, so that fan-out never delays reading from Redis.
final class Relay: BrokerOutlet {
  private let loop: Loop
  private let requests: Mailbox<Request>
  private var loops: [BatchingSender<BrokerEvent>] = []
  /// How far each loop is behind; none where there is one loop only.
  private var inFlight: [InFlightBytes] = []
  /// How far the relay itself is behind.
  let requestsInFlight = InFlightBytes()
  private(set) var broker: (any Broker)?
  /// What the control plane has asked and nobody has answered, by number.
  private var control: [UInt64: (Result<Answer, Refusal>) -> Void] = [:]
  private var lastNumber: UInt64 = 0
  /// Of these, what the broker has not been asked yet.
  private var unasked: Deque<(Question, UInt64)> = []
  private var asksInNextTurn = false
  /// How many were asked in which turn of the loop.
  private var asked = (turn: 0, count: 0)
  /// So many publishes of 64 bytes take about half a millisecond.
  private static let questionsPerTurn = 32
  /// Who tells of this node what a survey asks.
  private let respondent: SurveyRespondent
  /// Where the respondent's answers arrive, by number.
  private let surveyAnswers: Mailbox<(UInt64, [UInt8])>
  private var surveys: [UInt64: ([UInt8]) -> Void] = [:]
  /// Questions of other nodes that are answered at a time.
  private static let maxSurveys = 256
  private var isStopped = false

  enum Request: Sendable {
    case ask(Asker, Question, LoopIndex)
    case report(LoopReport, LoopIndex)

    /// Bytes of messages in it.
    var weight: Int { if case .ask(_, let question, _) = self { question.weight } else { 0 } }
  }

  /// The relay of that loop, with the mailbox that `Relay.Request`s arrive in.
  init(on loop: Loop, respondent: @escaping SurveyRespondent) {
    self.loop = loop
    self.respondent = respondent
    requests = Mailbox(on: loop)
    surveyAnswers = Mailbox(on: loop)
    surveyAnswers.receive { [unowned self] number, text in surveys.removeValue(forKey: number)?(text) }
  }

  /// Where the loops leave their requests.
  var mailbox: Mailbox<Request> { requests }

  /// Begins: the loops' mailboxes are there now, and the broker is made and started.
  func begin(
    _ mailboxes: [Mailbox<BrokerEvent>], _ inFlight: [InFlightBytes], _ make: (Loop, any BrokerOutlet) -> any Broker
  ) {
    loops = mailboxes.map { BatchingSender(from: loop, to: $0) }
    self.inFlight = inFlight
    let broker = make(loop, self)
    self.broker = broker
    requests.receiveBatches { [requestsInFlight] batch in
      // Taken out one by one, not copied: a request may hold a whole publication.
      while let request = batch.popFirst() {
        requestsInFlight.remove(request.weight)
        switch request {
        case .ask(let asker, let question, let loop): broker.ask(question, by: .connection(asker, on: loop))
        case .report(let report, let loop): broker.take(report, from: loop)
        }
      }
    }
    broker.start()
  }

  func post(_ event: BrokerEvent, to loop: LoopIndex) {
    if !inFlight.isEmpty { inFlight[loop].add(event.weight) }
    loops[loop].post(event)
  }

  var loopCount: Int { loops.count }

  var isCongested: Bool { inFlight.contains { $0.isFull } }

  func postToAll(_ event: BrokerEvent) {
    for loop in loops.indices { post(event, to: loop) }
  }

  // MARK: The control plane

  /// Asks the cluster; `answer` is called exactly once, now or later, with an answer to each question.
  func ask(_ questions: [Question], then answer: @escaping ([Result<Answer, Refusal>]) -> Void) {
    guard let broker, !isStopped else { return answer(questions.map { _ in .failure(Self.gone) }) }
    var answers = [Result<Answer, Refusal>](repeating: .failure(Self.gone), count: questions.count)
    var missing = questions.count
    if missing == 0 { answer([]) }
    for (index, question) in questions.enumerated() {
      lastNumber += 1
      control[lastNumber] = { result in
        answers[index] = result
        missing -= 1
        if missing == 0 { answer(answers) }
      }
      unasked.append((question, lastNumber))
    }
    askSome(broker)
  }

  /// Asks as many as fit in this turn, and the others in the next ones: on one loop there are WebSockets that wait
  /// meanwhile.
  private func askSome(_ broker: any Broker) {
    if asked.turn != loop.turns { asked = (loop.turns, 0) }
    while asked.count < Self.questionsPerTurn, let (question, number) = unasked.popFirst() {
      asked.count += 1
      broker.ask(question, by: .control(number))
    }
    guard !unasked.isEmpty, !asksInNextTurn else { return }
    asksInNextTurn = true
    loop.atNextTurn { [unowned self] in
      asksInNextTurn = false
      if !isStopped { askSome(broker) }
    }
  }

  func answer(_ result: Result<Answer, Refusal>, toControl number: UInt64) {
    control.removeValue(forKey: number)?(result)
  }

  func survey(_ question: [UInt8], then answer: @escaping ([UInt8]) -> Void) {
    guard surveys.count < Self.maxSurveys else { return answer([]) }
    lastNumber += 1
    surveys[lastNumber] = answer
    let (number, answers, respondent) = (lastNumber, surveyAnswers, respondent)
    Task { answers.post((number, await respondent(question))) }
  }

  /// The broker has stopped: nobody else answers.
  func stopped() {
    isStopped = true
    let unanswered = control.values
    control = [:]
    unasked = []
    for answer in unanswered { answer(.failure(Self.gone)) }
  }

  static let gone = Refusal(.unavailable, "The node is shutting down.")
}

extension BrokerEvent {
  /// Bytes of messages in it.
  var weight: Int {
    switch self {
    case .deliver(_, let event, _): event.text.count
    case .addressed(_, let text, _): text.count
    case .answer(_, .success(let answer)), .answers(_, .success(let answer)): answer.weight
    default: 0
    }
  }
}

extension Answer {
  /// Bytes of messages and members in it.
  var weight: Int {
    switch self {
    case .history(_, let read): read.byteCount
    case .presence(_, let roster): roster.byteCount
    case .published, .sent, .counts, .connections, .cleared, .surveyed: 0
    }
  }
}

extension Question {
  /// Bytes of messages in it.
  var weight: Int {
    switch self {
    case .publish(let publication): publication.event.count
    // With what stands around its data.
    case .send(let event, to: _): event.data.count + 128
    case .enter, .history, .presence, .counts, .connections, .kept, .clear, .survey: 0
    }
  }
}

@available(*, unavailable)
extension Relay: Sendable {}
