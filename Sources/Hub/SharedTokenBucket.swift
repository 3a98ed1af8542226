import Model
import Synchronization

/// Where the hubs of a node find the rates of users. `now` is in milliseconds, by one clock for all threads.
package protocol UserRates: AnyObject, Sendable {
  /// The bucket of a user, for one more connection of theirs.
  func acquire(_ user: UserName, now: Int64) -> SharedTokenBucket
  /// A connection of the user has gone.
  func release(_ user: UserName, now: Int64)
}

/// A token bucket that several threads take from.
///
/// One number says it all: the moment at which the bucket would be full (the generic cell rate algorithm). Each command
/// moves it by the time a token takes to come; a command for which it would be further away than a whole burst is refused.
package final class SharedTokenBucket: Sendable {
  /// No bucket takes longer to fill, in microseconds: thirty thousand years, which no sum here makes too long to count.
  private static let longest = 1e18

  /// When the bucket is full, in microseconds.
  private let full = Atomic<Int64>(0)
  /// When the first command of the present spell above the rate was refused, in milliseconds; -1 in quiet times.
  private let limitedSince = Atomic<Int64>(-1)

  package init() {}

  /// Whether it is as good as new.
  package func isFull(now: Int64) -> Bool {
    full.load(ordering: .relaxed) <= now * 1000
  }

  /// Takes one command's worth, or refuses the command; `now` in milliseconds, by one clock for all threads.
  package func take(_ limit: RateLimit, now: Int64) -> TokenBucket.Decision {
    guard let delay = spend(limit, now: now) else { return .allowed }
    return refuse(limit, delay, now: now)
  }

  /// Takes one command's worth; where there is none, returns the milliseconds until there is.
  func spend(_ limit: RateLimit, now: Int64) -> Int? {
    let interval = Int64(min(1_000_000 / limit.rate, Self.longest).rounded(.up))
    let capacity = Int64(min(limit.burst * 1_000_000 / limit.rate, Self.longest))
    let moment = now * 1000
    while true {
      let seen = full.load(ordering: .relaxed)
      let next = max(seen, moment) + interval
      // The threads' turns have begun at slightly different times: a moment before `seen` is none the worse for it.
      if next - moment <= max(capacity, interval) {
        guard full.compareExchange(expected: seen, desired: next, ordering: .relaxed).exchanged else { continue }
        if next - moment <= capacity / 2 { limitedSince.store(-1, ordering: .relaxed) }
        return nil
      }
      return Int(min((next - moment - capacity + 999) / 1000, 86_400_000))
    }
  }

  /// Ends a spell above the rate: what is short of tokens now is short because somebody comes back.
  func endSpell() {
    limitedSince.store(-1, ordering: .relaxed)
  }

  /// Refuses a command for which there is no token for that many milliseconds.
  func refuse(_ limit: RateLimit, _ delay: Int, now: Int64) -> TokenBucket.Decision {
    let began = limitedSince.compareExchange(expected: -1, desired: now, ordering: .relaxed)
    if !began.exchanged, now - began.original >= limit.timeout { return .exhausted }
    return .limited(retryAfter: delay)
  }
}
