/// Says when to ask each Sentinel, and what their answers come to; without any I/O. Times are in milliseconds.
///
/// For somebody who wants to connect, one is asked after the other until one answers. While all is well each is asked in
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
    /// None answers, or knows the primary, any more, as a sentence; what is connected stays. Told once.
    case unheard(String)
    /// One names the primary again.
    case heard
  }

  /// How far the questions of the present round are.
  enum Round {
    case none
    /// One is asked, and `rest` after it where somebody wants to connect.
    case turn(asked: Int, since: Int64, rest: [Int])
    /// Those in `missing` have not answered yet, and may do so until then.
    case all(since: Int64, missing: [Int: Int64])
  }

  struct Sentinel {
    enum Link: Equatable { case connecting, connected, down }

    let place: String
    var link = Link.connecting
    /// The reason why it did not answer when it was asked last. A connection alone is not an answer.
    var failure: String?
    /// Its last answer: a primary, or that it does not know the name.
    var said: SentinelAnswer?

    var isAnswering: Bool { said != nil && failure == nil }
  }

  /// A reason why none of them names a primary.
  enum Trouble {
    case silence, unknownName
  }

  /// How long one may take to answer.
  static let patience: Int64 = 500
  /// How long all may take together, with their connections, the first time.
  static let firstPatience: Int64 = 1500
  /// Between two questions while all is well, and between two rounds of all because of a doubt.
  static let interval: Int64 = 1000

  let name: String
  var sentinels: [Sentinel]
  var round = Round.none
  /// Answers of the round.
  var answers: [Int: SentinelAnswer] = [:]
  /// Counts rounds, so that a late answer is recognised.
  var number: UInt64 = 0
  /// The one whose turn it is.
  var next = 0
  /// Whether somebody wants to connect.
  var isWanted = false
  /// The last thing told of all of them together.
  var told: Trouble?
  var lastAsked: Int64 = 0
  var lastAskedAll: Int64?
  /// The last decision, and the epoch that was told with it.
  var primary: ServerAddress?
  var epoch: Int?
  /// Another that too few name, as was told.
  var doubted: ServerAddress?

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
    switch round {
    case .turn(index, _, _): return [ask(index, now: now)]
    case .turn(let asked, _, let rest) where sentinels[asked].link != .connected && rest.contains(index):
      // One that can be asked at once does not wait for one that cannot.
      round = .turn(asked: index, since: now, rest: rest.filter { $0 != index } + [asked])
      return [ask(index, now: now)]
    case .all(let since, var missing) where missing[index] != nil:
      missing[index] = min(now + Self.patience, since + Self.firstPatience)
      round = .all(since: since, missing: missing)
      return [ask(index, now: now, withEpoch: true)]
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
    sentinels[index].said = answer
    forgetDoubt()
    var news: [Action] = []
    if told != nil, answer.address != nil {
      told = nil
      news = [.heard]
    }
    guard number == self.number else { return news }
    answers[index] = answer
    switch round {
    case .turn(index, _, let rest):
      guard case .primary(let address, _) = answer else { return news + goOn(with: rest, now: now) }
      return news + (primary ?? address == address ? decided(address) : askAll(now: now))
    case .all(let since, let missing):
      round = .all(since: since, missing: missing.filter { $0.key != index })
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
      let late = missing.filter { $0.value <= now }.keys
      guard !late.isEmpty else { return [] }
      for index in late { sentinels[index].failure = overdue(index) }
      round = .all(since: since, missing: missing.filter { !late.contains($0.key) })
      return decideIfPossible()
    case .none:
      guard primary != nil, now - lastAsked >= Self.interval else { return [] }
      return watch(now: now)
    }
  }
}

// MARK: - Asking

extension SentinelPoll {
  /// Asks the next in turn, which may be one that did not answer before.
  private mutating func watch(now: Int64) -> [Action] {
    lastAsked = now
    let connected = turn.first { sentinels[$0].link == .connected }
    // One that is never done connecting is as silent as one that says nothing.
    guard let index = connected ?? turn.first(where: { sentinels[$0].link != .down }) else { return tellTrouble() }
    number += 1
    answers = [:]
    round = .turn(asked: index, since: now, rest: order().filter { $0 != index })
    next = (index + 1) % sentinels.count
    return connected == nil ? [] : [ask(index, now: now)]
  }

  private mutating func ask(_ index: Int, now: Int64, withEpoch: Bool = false) -> Action {
    next = (index + 1) % sentinels.count
    lastAsked = now
    return .ask(index, number: number, withEpoch: withEpoch)
  }

  /// All, from the one whose turn it is.
  private var turn: [Int] { sentinels.indices.map { ($0 + next) % sentinels.count } }

  /// Those that may answer: first those that answered last time, last those that did not.
  private func order() -> [Int] {
    let well = turn.filter { sentinels[$0].link == .connected && sentinels[$0].failure == nil }
    let others = turn.filter { sentinels[$0].link != .down && !well.contains($0) }
    return well + others.filter { sentinels[$0].failure == nil } + others.filter { sentinels[$0].failure != nil }
  }

  mutating func askNext(of rest: [Int], now: Int64) -> [Action] {
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
    let connected = asked.filter { sentinels[$0].link == .connected }
    let deadline = now + (primary == nil ? Self.firstPatience : Self.patience)
    let missing = asked.map { ($0, connected.contains($0) ? now + Self.patience : deadline) }
    round = .all(since: now, missing: Dictionary(uniqueKeysWithValues: missing))
    let questions = connected.map { Action.ask($0, number: number, withEpoch: true) }
    return asked.isEmpty ? decideIfPossible() : questions
  }

  private func overdue(_ index: Int) -> String {
    sentinels[index].link == .connected ? "no answer within \(Self.patience) ms" : "no connection yet"
  }
}
