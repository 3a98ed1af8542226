/// Whether the two links of a node lead to the same server, by its `run_id`; without any I/O.
///
/// A name may lead to another server at any moment, and one link alone may be lost. What is subscribed at an old primary
/// says nothing of what is written at the new one: so nothing is subscribed before both are known to be one server, and
/// where they are not both begin anew.
struct LinkPair {
  enum Action: Equatable {
    case wait
    /// Both lead to one server: subscribe.
    case subscribe
    /// They do not: connect both anew.
    case reset
  }

  private var commands: String?
  private var subscriber: String?
  private var isSubscribed = false

  mutating func commandsReached(_ runID: String) -> Action {
    commands = runID
    return compare()
  }

  mutating func subscriberReached(_ runID: String) -> Action {
    subscriber = runID
    return compare()
  }

  /// What is subscribed stays so, unless the link comes back to another server.
  mutating func commandsLost() {
    commands = nil
  }

  mutating func subscriberLost() {
    subscriber = nil
    isSubscribed = false
  }

  private mutating func compare() -> Action {
    guard let commands, let subscriber else { return .wait }
    guard commands == subscriber else { return .reset }
    guard !isSubscribed else { return .wait }
    isSubscribed = true
    return .subscribe
  }
}
