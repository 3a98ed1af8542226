import Model

/// Sends of which nobody can say yet whether the user is there, without any I/O: Redis has lost who is connected, and the
/// nodes are writing it down again.
///
/// What was sent has gone to every node by then. Redis is asked again, a few times a second, until it knows.
struct UserLookups {
  struct Lookup {
    let user: UserName
    /// When it was sent.
    let since: Int64
    /// Called exactly once.
    let answer: (Result<Bool, Refusal>) -> Void

    /// Whether it has been asked for long enough.
    func isOverdue(now: Int64) -> Bool { now - since >= UserLookups.timeout }
  }

  /// The most that wait or are being asked for.
  static let capacity = 1024
  /// Milliseconds after which nobody asks again: twice what the nodes need to notice and to write everybody down.
  static let timeout: Int64 = 10_000
  /// Milliseconds from one question to the next.
  static let interval: Int64 = 250

  private var waiting: [Lookup] = []
  private var asked: Int64 = .min / 2
  private(set) var underWay = 0

  /// Whether one more may wait.
  var hasRoom: Bool { waiting.count + underWay < Self.capacity }

  mutating func add(_ lookup: Lookup) {
    waiting.append(lookup)
  }

  /// Those that are to be asked for now; `ended` is due for each.
  mutating func take(now: Int64) -> [Lookup] {
    guard !waiting.isEmpty, now - asked >= Self.interval else { return [] }
    asked = now
    return takeAll()
  }

  /// All that wait; `ended` is due for each.
  mutating func takeAll() -> [Lookup] {
    defer { waiting = [] }
    underWay += waiting.count
    return waiting
  }

  /// One that was taken has been answered, or waits again.
  mutating func ended() {
    underWay -= 1
  }
}
