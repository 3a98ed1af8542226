import Cluster
import Locks
import Model
import Reactor

/// Everything the loops of one node have heard from its broker, in order, to be read while the node runs.
final class EventLog: BrokerOutlet, Sendable {
  private let loops: Lock<[[Heard]]>

  init(loops count: Int) {
    loops = Lock(Array(repeating: [], count: count))
  }

  func post(_ event: BrokerEvent, to loop: LoopIndex) {
    let heard = Heard(event)
    loops.withLock { $0[loop].append(heard) }
  }

  func postToAll(_ event: BrokerEvent) {
    let heard = Heard(event)
    loops.withLock { loops in
      for index in loops.indices { loops[index].append(heard) }
    }
  }

  /// Answers to the control plane, by number.
  private let control = Lock<[UInt64: Result<Answer, Refusal>]>([:])

  func answer(_ result: Result<Answer, Refusal>, toControl number: UInt64) {
    control.withLock { $0[number] = result }
  }

  func controlAnswer(_ number: UInt64) -> HeardAnswer? {
    control.withLock { $0[number] }.map(HeardAnswer.init)
  }

  private let respondent = Lock<@Sendable ([UInt8]) -> [UInt8]?>({ $0 })
  private let questions = Lock<[[UInt8]]>([])

  /// Answers by what was set by `answerSurveys`; by the question itself until then.
  func survey(_ question: [UInt8], then answer: @escaping ([UInt8]) -> Void) {
    questions.withLock { $0.append(question) }
    let respondent = respondent.withLock { $0 }
    if let text = respondent(question) { answer(text) }
  }

  /// What surveys are answered from now on; nothing at all, ever, where that is nil.
  func answerSurveys(_ respondent: @escaping @Sendable ([UInt8]) -> [UInt8]?) {
    self.respondent.withLock { $0 = respondent }
  }

  /// What the node was asked by surveys.
  var surveyed: [String] { questions.withLock { $0 }.map { String(decoding: $0, as: UTF8.self) } }

  private let congestion = Lock(false)

  /// Whether the broker is told that a loop is far behind.
  var isCongested: Bool { congestion.withLock { $0 } }

  func setCongested(_ isCongested: Bool) {
    congestion.withLock { $0 = isCongested }
  }

  var loopCount: Int { loops.withLock { $0.count } }

  func all(on loop: LoopIndex = 0) -> [Heard] {
    loops.withLock { $0[loop] }
  }

  func count(of event: Heard, on loop: LoopIndex = 0) -> Int {
    all(on: loop).count { $0 == event }
  }

  /// The texts of the channel's messages.
  func messages(in channel: ChannelName, on loop: LoopIndex = 0) -> [ExactString] {
    all(on: loop).compactMap { if case .message(channel, let text, excluding: _) = $0 { text } else { nil } }
  }

  /// The places of the channel's kept messages, with gaps told as negative offsets.
  func places(in channel: ChannelName, on loop: LoopIndex = 0) -> [Int] {
    all(on: loop).compactMap { event in
      switch event {
      case .kept(channel, _, let position): position.offset
      case .gap(channel, let position): -position.offset
      default: nil
      }
    }
  }

  /// Answers to reads of histories.
  func histories(of session: SessionID, on loop: LoopIndex = 0) -> [HistoryAnswer] {
    answers(on: loop, HistoryAnswer.init) { $0.session == session }
  }

  /// The texts of what the channel's watchers were told.
  func presence(in channel: ChannelName, on loop: LoopIndex = 0) -> [String] {
    all(on: loop).compactMap { if case .presence(channel, let text, excluding: _) = $0 { text.value } else { nil } }
  }

  /// Joins and leaves of the channel, shortened to `+alice 1`, `-alice 0`: who, and how many there are then.
  func changes(in channel: ChannelName, on loop: LoopIndex = 0) -> [String] {
    presence(in: channel, on: loop).compactMap(PresenceChange.init).map(\.description)
  }

  /// What its publishes were answered: how often taken, and the refusals.
  func publishAnswers(to session: SessionID, on loop: LoopIndex = 0) -> [ErrorCode?] {
    answers(on: loop) { answer -> ErrorCode?? in
      switch answer {
      case .published: .some(nil)
      case .refused(let code): code
      case .history, .presence, .sent, .counts, .connections, .cleared, .surveyed: .none
      }
    } where: {
      $0.session == session
    }
  }

  func enterAnswers(to session: SessionID, in channel: ChannelName, on loop: LoopIndex = 0) -> [RosterAnswer] {
    answers(on: loop, RosterAnswer.init) {
      if case .subscribe(session, channel, attempt: _) = $0 { true } else { false }
    }
  }

  func queryAnswers(to session: SessionID, on loop: LoopIndex = 0) -> [RosterAnswer] {
    answers(on: loop, RosterAnswer.init) { if case .command(session, _) = $0 { true } else { false } }
  }

  /// What was answered to those askers, each by itself, as far as it can be read so.
  private func answers<Wanted>(
    on loop: LoopIndex, _ read: (HeardAnswer) -> Wanted?, where isWanted: (Asker) -> Bool
  ) -> [Wanted] {
    all(on: loop).flatMap { event -> [Wanted] in
      guard case .answer(let askers, let answer) = event, let wanted = read(answer) else { return [] }
      return askers.filter(isWanted).map { _ in wanted }
    }
  }

  /// The texts of events for a user or for everybody, without their time.
  func events(for addressee: Addressee, on loop: LoopIndex = 0) -> [String] {
    all(on: loop).compactMap { event in
      guard case .addressed(addressee, let text) = event else { return nil }
      return text.value.components(before: #","ts":"#)
    }
  }

  func sendAnswers(to session: SessionID, on loop: LoopIndex = 0) -> [SendAnswer] {
    answers(on: loop, SendAnswer.init) { $0.session == session }
  }

  /// How the node has stood with a keyspace, in order.
  var links: [LinkState] { links(with: 0) }

  func links(with keyspace: KeyspaceIndex, on loop: LoopIndex = 0) -> [LinkState] {
    all(on: loop).compactMap { if case .link(keyspace, let state) = $0 { state } else { nil } }
  }

  func identities(on loop: LoopIndex = 0) -> [NodeID] {
    all(on: loop).compactMap { if case .identity(let id) = $0 { id } else { nil } }
  }
}

extension String {
  /// The text up to the last `mark`; all of it where there is none.
  fileprivate func components(before mark: String) -> String {
    var rest = self[...]
    var found: String.Index?
    while let range = rest.firstRange(of: mark) {
      found = range.lowerBound
      rest = rest[range.upperBound...]
    }
    return String(found.map { self[..<$0] } ?? self[...])
  }
}
