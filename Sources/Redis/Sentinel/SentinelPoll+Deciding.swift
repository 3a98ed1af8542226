/// The decision that the answers of a round come to, and sentences about it.
extension SentinelPoll {
  mutating func failed(_ index: Int, _ reason: String, now: Int64) -> [Action] {
    sentinels[index].failure = reason
    switch round {
    case .turn(index, _, let rest): return goOn(with: rest, now: now)
    case .all(let since, let missing):
      round = .all(since: since, missing: missing.filter { $0.key != index })
      return decideIfPossible()
    case .none, .turn: return []
    }
  }

  /// The one that was asked does not help.
  mutating func goOn(with rest: [Int], now: Int64) -> [Action] {
    if isWanted { return askNext(of: rest.filter { sentinels[$0].link != .down }, now: now) }
    round = .none
    return tellTrouble()
  }

  /// Decides when all have answered, or when those who have not cannot change it.
  mutating func decideIfPossible() -> [Action] {
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
  mutating func forgetDoubt() {
    if !sentinels.contains(where: { $0.said?.address == doubted }) { doubted = nil }
  }

  mutating func decided(_ address: ServerAddress) -> [Action] {
    round = .none
    var actions: [Action] = []
    if let primary, primary != address { actions.append(.moved(address)) }
    primary = address
    if doubted == address { doubted = nil }
    if isWanted { actions.append(.found(address)) }
    isWanted = false
    return actions
  }

  mutating func notFound() -> [Action] {
    round = .none
    guard isWanted else { return tellTrouble() }
    isWanted = false
    let isUnknown = answers.values.contains(.unknownName)
    return [.notFound(isUnknown ? "no Sentinel knows a primary of the name \(name)\(failures)" : silence)]
  }
}

// MARK: - Telling

extension SentinelPoll {
  /// How many answer, whatever they say.
  var answering: Int { sentinels.count { $0.isAnswering } }

  private var trouble: Trouble? {
    if sentinels.allSatisfy({ $0.failure != nil }) { return .silence }
    return sentinels.allSatisfy { $0.failure != nil || $0.said == .unknownName } ? .unknownName : nil
  }

  mutating func tellTrouble() -> [Action] {
    guard let trouble, trouble != told else { return [] }
    told = trouble
    switch trouble {
    case .silence: return [.unheard(silence)]
    case .unknownName: return [.unheard("no Sentinel knows a primary of the name \(name) any more\(failures)")]
    }
  }

  private var silence: String {
    let reasons = sentinels.map { "\($0.place): \($0.failure ?? "no connection yet")" }
    return "no Sentinel answers (\(reasons.joined(separator: "; ")))"
  }

  /// Those that could not be asked, in brackets: they may be the ones that know.
  private var failures: String {
    let reasons = sentinels.compactMap { sentinel in sentinel.failure.map { "\(sentinel.place): \($0)" } }
    return reasons.isEmpty ? "" : " (\(reasons.joined(separator: "; ")))"
  }
}
