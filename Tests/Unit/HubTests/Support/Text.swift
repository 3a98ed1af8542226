import Hub
import Model
import TestSupport

/// A roster of one entry for each of `users`.
func roster(_ users: String...) -> Roster {
  Roster(
    members: users.map { Member(user: user($0), client: nil, clients: 1, info: nil) }, count: users.count)
}

/// Rates of users where there are none.
final class NoUsers: UserRates {
  func acquire(_ user: UserName, now: Int64) -> SharedTokenBucket { SharedTokenBucket() }
  func release(_ user: UserName, now: Int64) {}
}
