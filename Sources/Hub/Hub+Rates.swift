import Model

/// How fast connections and users may send commands.
extension Hub {
  package enum RateDecision {
    case allowed
    /// There may be a token after so many milliseconds, and the command may wait for it; it has taken none.
    /// `isUser` as for `refused`.
    case deferred(Int64, isUser: Bool)
    /// `isUser`: by the rate of all connections of the user together.
    case refused(Refusal, isUser: Bool)
    /// Above the rate for too long: the connection is to be closed.
    case exhausted
  }

  /// Takes one command's worth from the connection's rate, and from its user's, or refuses the command.
  ///
  /// `mayWait` is asked only where there is no token: whether the command may wait so many milliseconds for one. A command
  /// that waits does not count as one above the rate.
  package mutating func admitCommand(
    _ id: SessionID, now: Int64, mayWait: (Int64) -> Bool = { _ in false }
  ) -> RateDecision {
    let limit = limits.rate
    guard limit.rate > 0, session(id) != nil, var bucket = sessions[id.slot]?.bucket else { return .allowed }
    defer { sessions.modify(id.slot) { $0.bucket = bucket } }
    if let delay = bucket.wait(limit, now: now) {
      return mayWait(Int64(delay))
        ? .deferred(Int64(delay), isUser: false) : decision(bucket.refuse(limit, delay, now: now), isUser: false)
    }
    guard let shared = sessions[id.slot]?.rate, let delay = shared.spend(limit, now: now) else {
      bucket.spend()
      return .allowed
    }
    if mayWait(Int64(delay)) {
      shared.endSpell()
      return .deferred(Int64(delay), isUser: true)
    }
    bucket.spend()
    return decision(shared.refuse(limit, delay, now: now), isUser: true)
  }

  private static func plain(_ rate: Double) -> String {
    Int(exactly: rate).map(String.init) ?? String(rate)
  }

  private func decision(_ decision: TokenBucket.Decision, isUser: Bool) -> RateDecision {
    switch decision {
    case .allowed: return .allowed
    case .limited(let delay):
      let whose = isUser ? " on all connections of a user together" : ""
      let message = "Too many commands: at most \(Self.plain(limits.rate.rate)) a second\(whose)."
      return .refused(Refusal(.rateLimited, message, retryAfter: delay), isUser: isUser)
    case .exhausted: return .exhausted
    }
  }
}
