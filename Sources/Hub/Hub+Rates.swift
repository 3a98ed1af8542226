import Model

/// How fast connections and users may send commands.
extension Hub {
  package enum RateVerdict {
    case allowed
    /// `isUser`: by the rate of all connections of the user together.
    case refused(Refusal, isUser: Bool)
    /// Above the rate for too long: the connection is to be closed.
    case exhausted
  }

  /// Takes one command's worth from the connection's rate, and from its user's.
  package mutating func admitCommand(_ id: SessionID, now: Int64) -> RateVerdict {
    guard limits.rate.rate > 0, session(id) != nil, let own = sessions[Int(id.slot)]?.bucket.take(limits.rate, now: now)
    else { return .allowed }
    if case .allowed = own, let shared = sessions[Int(id.slot)]?.rate?.take(limits.rate, now: now) {
      return verdict(shared, isUser: true)
    }
    return verdict(own, isUser: false)
  }

  private static func plain(_ rate: Double) -> String {
    Int(exactly: rate).map(String.init) ?? String(rate)
  }

  private func verdict(_ verdict: TokenBucket.Verdict, isUser: Bool) -> RateVerdict {
    switch verdict {
    case .allowed: return .allowed
    case .limited(let delay):
      let whose = isUser ? " on all connections of a user together" : ""
      let message = "Too many commands: at most \(Self.plain(limits.rate.rate)) a second\(whose)."
      return .refused(Refusal(.rateLimited, message, retryAfter: delay), isUser: isUser)
    case .exhausted: return .exhausted
    }
  }
}
