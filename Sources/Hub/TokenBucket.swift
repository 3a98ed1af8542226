/// How fast a connection may send commands.
package struct RateLimit: Sendable {
  /// Commands a second; 0 is no limit.
  package var rate: Double
  /// Commands at once after a rest.
  package var burst: Double
  /// Milliseconds a connection may stay above its rate before it is closed.
  package var timeout: Int64 = 10_000

  package init(rate: Double, burst: Double) {
    self.rate = rate
    self.burst = burst
  }
}

/// A token bucket: tokens come at a steady rate up to the burst, and every command takes one.
package struct TokenBucket {
  package enum Decision: Equatable, Sendable {
    case allowed
    /// Try again after that many milliseconds.
    case limited(retryAfter: Int)
    /// Above the rate for longer than is borne.
    case exhausted
  }

  private var tokens: Float
  private var refilled: Int64
  /// When the first command of the present spell above the rate was refused; -1 in quiet times.
  private var limitedSince: Int64 = -1

  package init(_ limit: RateLimit, now: Int64) {
    tokens = Float(limit.burst)
    refilled = now
  }

  /// Takes one command's worth, or refuses the command.
  package mutating func take(_ limit: RateLimit, now: Int64) -> Decision {
    guard let delay = wait(limit, now: now) else {
      spend()
      return .allowed
    }
    return refuse(limit, delay, now: now)
  }

  /// Milliseconds until there is a token; nil where there is one. Takes none.
  mutating func wait(_ limit: RateLimit, now: Int64) -> Int? {
    guard limit.rate > 0 else { return nil }
    tokens = min(Float(limit.burst), tokens + Float(now - refilled) * Float(limit.rate) / 1000)
    refilled = now
    // A spell is over when the bucket has recovered by half; single tokens that trickle in do not end it.
    if tokens >= Float(limit.burst) / 2 { limitedSince = -1 }
    if tokens >= 1 { return nil }
    // A day is as good as any longer time, and no number too large for the wire.
    return Int(min((1 - Double(tokens)) * 1000 / limit.rate, 86_400_000).rounded(.up))
  }

  /// Takes a token that `wait` has found to be there.
  mutating func spend() {
    tokens -= 1
  }

  /// Refuses a command for which there is no token for that many milliseconds.
  mutating func refuse(_ limit: RateLimit, _ delay: Int, now: Int64) -> Decision {
    if limitedSince < 0 { limitedSince = now }
    return now - limitedSince >= limit.timeout ? .exhausted : .limited(retryAfter: delay)
  }
}
