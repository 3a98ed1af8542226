/// Which Sentinel is asked when, and what their answers come to; without any I/O. Times are in milliseconds.
///
/// Where somebody wants to connect, one is asked after the other until one answers. While all is well each is asked in
/// turn. One alone is believed only where it says what is known: otherwise, and the first time, all are asked, since a
/// Sentinel that is cut off together with an old primary goes on naming that. More than half of all must name another
/// primary; fewer are believed only where they know of a later failover.
package struct SentinelPoll {
  package enum Action: Equatable {
    /// Ask that Sentinel; the answer is to come with that number.
    case ask(Int, number: UInt64, withEpoch: Bool)
    /// The answer for all who want to connect.
    case found(ServerAddress)
    /// The same, where it is not known, as a sentence.
    case notFound(String)
    /// The primary is another than before. Comes before `found`.
    case moved(ServerAddress)
    /// Too few name another primary than the one in use, which stays, as a sentence. Told once.
    case doubtful(String)
    /// None answers any more, for that reason; what is connected stays.
    case unheard(String)
    /// One answers again.
    case heard
  }

  /// How far the questions of the present round are.
  private enum Round {
    case none
    /// One is asked, and `rest` after it where somebody wants to connect.
    case turn(asked: Int, since: Int64, rest: [Int])
    /// Those in `missing` have not answered yet.
    case all(since: Int64, missing: Set<Int>)
  }

  private struct Sentinel {
    enum Link: Equatable { case connecting, connected, down }

    let place: String
    var link = Link.connecting
    /// Why it did not answer when it was asked last.
    var failure: String?
    /// The primary that it named when it answered last.
    var named: ServerAddress?
  }

  /// How long one may take to answer.
  static let patience: Int64 = 500
  /// Between two questions while all is well, and between two rounds of all because of a doubt.
  static let interval: Int64 = 1000

  private let name: String
  private var sentinels: [Sentinel]
  private var round = Round.none
  /// Answers of the round.
  private var answers: [Int: SentinelAnswer] = [:]
  /// Counts rounds, so that a late answer is recognised.
  private var number: UInt64 = 0
  /// Whose turn it is.
  private var next = 0
  /// Whether somebody wants to connect.
  private var isWanted = false
  private var isUnheard = false
  private var lastAsked: Int64 = 0
  private var lastAskedAll: Int64?
  /// What was decided last, and the epoch that was told with it.
  private var primary: ServerAddress?
  private var epoch: Int?
  /// Another that too few name, as was told.
  private var doubted: ServerAddress?

  /// `places` tells the Sentinels apart in sentences, `name` is the name they know the primary by.
  package init(places: [String], name: String) {
    self.name = name
    sentinels = places.map { Sentinel(place: $0) }
  }
}

// MARK: - Events

extension SentinelPoll {
  /// Somebody wants to connect: answered by `found` or `notFound`.
  package mutating func locate(now: Int64) -> [Action] {
    isWanted = true
    guard case .none = round else { return [] }
    guard primary != nil else { return askAll(now: now) }
    number += 1
    answers = [:]
    return askNext(of: order(), now: now)
  }

  /// There is a sign that the primary in use may be an old one.
  package mutating func doubt(now: Int64) -> [Action] {
    if case .all = round { return [] }
    if let lastAskedAll, now - lastAskedAll < Self.interval { return [] }
    return askAll(now: now)
  }

  package mutating func connected(_ index: Int, now: Int64) -> [Action] {
    sentinels[index].link = .connected
    sentinels[index].failure = nil
    switch round {
    case .turn(index, _, _): return [ask(index, now: now)]
    case .turn(let asked, _, let rest) where sentinels[asked].link != .connected && rest.contains(index):
      // Who can be asked at once is not kept waiting behind who cannot.
      round = .turn(asked: index, since: now, rest: rest.filter { $0 != index } + [asked])
      return [ask(index, now: now)]
    case .all(_, let missing) where missing.contains(index): return [ask(index, now: now, withEpoch: true)]
    case .none, .turn, .all: return []
    }
  }

  /// The connection was lost, and is about to come back.
  package mutating func lost(_ index: Int) {
    sentinels[index].link = .connecting
  }

  package mutating func unreachable(_ index: Int, _ reason: String, now: Int64) -> [Action] {
    sentinels[index].link = .down
    return failed(index, reason, now: now)
  }

  /// `number` is that of the question.
  package mutating func answered(_ index: Int, _ answer: SentinelAnswer, number: UInt64, now: Int64) -> [Action] {
    if case .refused(let reason) = answer {
      return number == self.number ? failed(index, reason, now: now) : []
    }
    sentinels[index].failure = nil
    sentinels[index].named = answer.address
    forgetDoubt()
    let news: [Action] = isUnheard ? [.heard] : []
    isUnheard = false
    guard number == self.number else { return news }
    answers[index] = answer
    switch round {
    case .turn(index, _, let rest):
      guard case .primary(let address, _) = answer else { return news + goOn(with: rest, now: now) }
      return news + (primary ?? address == address ? decided(address) : askAll(now: now))
    case .all(let since, let missing):
      round = .all(since: since, missing: missing.subtracting([index]))
      return news + decideIfPossible()
    case .none, .turn: return news
    }
  }

  /// To be called about ten times a second.
  package mutating func tick(now: Int64) -> [Action] {
    switch round {
    case .turn(let asked, let since, _):
      return now - since >= Self.patience ? failed(asked, overdue(asked), now: now) : []
    case .all(let since, let missing):
      guard now - since >= Self.patience else { return [] }
      for index in missing { sentinels[index].failure = overdue(index) }
      round = .all(since: since, missing: [])
      return decideIfPossible()
    case .none:
      guard primary != nil, now - lastAsked >= Self.interval else { return [] }
      return watch(now: now)
    }
  }
}

// MARK: - Asking

extension SentinelPoll {
  /// Asks the next in turn, who may be one that did not answer before.
  private mutating func watch(now: Int64) -> [Action] {
    lastAsked = now
    guard let index = turn.first(where: { sentinels[$0].link == .connected }) else { return tellIfUnheard() }
    number += 1
    answers = [:]
    round = .turn(asked: index, since: now, rest: order().filter { $0 != index })
    return [ask(index, now: now)]
  }

  private mutating func ask(_ index: Int, now: Int64, withEpoch: Bool = false) -> Action {
    next = (index + 1) % sentinels.count
    lastAsked = now
    return .ask(index, number: number, withEpoch: withEpoch)
  }

  /// All, from the one whose turn it is.
  private var turn: [Int] { sentinels.indices.map { ($0 + next) % sentinels.count } }

  /// Those who may answer, first who answered last time, last who did not.
  private func order() -> [Int] {
    let well = turn.filter { sentinels[$0].link == .connected && sentinels[$0].failure == nil }
    let others = turn.filter { sentinels[$0].link != .down && !well.contains($0) }
    return well + others.filter { sentinels[$0].failure == nil } + others.filter { sentinels[$0].failure != nil }
  }

  private mutating func askNext(of rest: [Int], now: Int64) -> [Action] {
    guard let index = rest.first else { return notFound() }
    round = .turn(asked: index, since: now, rest: Array(rest.dropFirst()))
    return sentinels[index].link == .connected ? [ask(index, now: now)] : []
  }

  private mutating func askAll(now: Int64) -> [Action] {
    number += 1
    answers = [:]
    lastAskedAll = now
    lastAsked = now
    let asked = sentinels.indices.filter { sentinels[$0].link != .down }
    round = .all(since: now, missing: Set(asked))
    let connected = asked.filter { sentinels[$0].link == .connected }
    let questions = connected.map { Action.ask($0, number: number, withEpoch: true) }
    return asked.isEmpty ? decideIfPossible() : questions
  }

  private func overdue(_ index: Int) -> String {
    sentinels[index].link == .connected ? "no answer within \(Self.patience) ms" : "no connection yet"
  }
}

// MARK: - Deciding

extension SentinelPoll {
  private mutating func failed(_ index: Int, _ reason: String, now: Int64) -> [Action] {
    sentinels[index].failure = reason
    switch round {
    case .turn(index, _, let rest): return goOn(with: rest, now: now)
    case .all(let since, let missing):
      round = .all(since: since, missing: missing.subtracting([index]))
      return decideIfPossible()
    case .none, .turn: return []
    }
  }

  /// The one that was asked is no help.
  private mutating func goOn(with rest: [Int], now: Int64) -> [Action] {
    if isWanted { return askNext(of: rest.filter { sentinels[$0].link != .down }, now: now) }
    round = .none
    return tellIfUnheard()
  }

  /// Decides when all have answered, or when those who have not cannot change it.
  private mutating func decideIfPossible() -> [Action] {
    guard case .all(_, let missing) = round else { return [] }
    let told = sentinels.indices.compactMap { answers[$0] }
    guard let decision = SentinelAnswer.decide(told, preferring: primary) else {
      return missing.isEmpty ? notFound() : []
    }
    let isSure = decision.votes * 2 > sentinels.count
    guard missing.isEmpty || isSure else { return [] }
    guard let primary, !isSure else {
      if decision.address != primary || decision.epoch != nil { epoch = decision.epoch }
      return decided(decision.address)
    }
    // A failover raises the epoch: a few who know of none that is later may have old news, or be wrong.
    if let told = decision.epoch, let known = epoch, told > known {
      epoch = told
      return decided(decision.address)
    }
    return (decision.address == primary ? [] : tellDoubt(decision, primary)) + decided(primary)
  }

  private mutating func tellDoubt(_ decision: SentinelAnswer.Decision, _ primary: ServerAddress) -> [Action] {
    guard doubted != decision.address else { return [] }
    doubted = decision.address
    let (votes, isOne) = (decision.votes, decision.votes == 1)
    let isAll = answers.values.count { $0.address != nil } == votes
    let names = "\(isAll ? "\(isOne ? "answers" : "answer"), and " : "")\(isOne ? "names" : "name") \(decision.address)"
    return [.doubtful("only \(votes) of \(sentinels.count) Sentinels \(names); staying with \(primary)")]
  }

  /// Once nobody names that other primary any more, or it is the one in use, it is told of again when it is named again.
  private mutating func forgetDoubt() {
    if !sentinels.contains(where: { $0.named == doubted }) { doubted = nil }
  }

  private mutating func decided(_ address: ServerAddress) -> [Action] {
    round = .none
    var actions: [Action] = []
    if let primary, primary != address { actions.append(.moved(address)) }
    primary = address
    if doubted == address { doubted = nil }
    if isWanted { actions.append(.found(address)) }
    isWanted = false
    return actions
  }

  private mutating func notFound() -> [Action] {
    round = .none
    guard isWanted else { return tellIfUnheard() }
    isWanted = false
    let isUnknown = answers.values.contains(.unknownName)
    return [.notFound(isUnknown ? "no Sentinel knows a primary of the name \(name)" : silence)]
  }

  private mutating func tellIfUnheard() -> [Action] {
    guard !isUnheard, sentinels.allSatisfy({ $0.failure != nil }) else { return [] }
    isUnheard = true
    return [.unheard(silence)]
  }

  private var silence: String {
    let reasons = sentinels.map { "\($0.place): \($0.failure ?? "no connection yet")" }
    return "no Sentinel answers (\(reasons.joined(separator: "; ")))"
  }
}
