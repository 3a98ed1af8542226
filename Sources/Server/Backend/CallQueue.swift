import DequeModule

/// Which calls to the backend run, and which wait for one of those to end: for a whole node, in order of their coming.
///
/// Whoever runs a call ends it when its time is over. All have the same time, and those that run came before those that
/// wait; so no call waits longer than its time, and nobody needs to look for such.
struct CallQueue<Call> {
  struct Limits {
    var running = 64
    var waiting = 1024
    /// Of the calls that wait.
    var waitingBytes = 32 << 20
  }

  enum Admission {
    /// It runs from now on, until `ended`.
    case runs
    /// It waits until `ended` hands it out.
    case waits
    /// It is not taken: too many wait, or too much.
    case refused
  }

  /// What the end of a call brings.
  struct Turn {
    /// Runs from now on.
    var next: Call?
    /// Have waited until their time was over; to be told so.
    var late: [Call] = []
  }

  private struct Waiting {
    let call: Call
    let bytes: Int
    let deadline: Int64
  }

  /// Milliseconds that a call must have left to be run.
  static var leastTime: Int64 { 100 }

  private let limits: Limits
  private var running = 0
  private var waiting: Deque<Waiting> = []
  private var waitingBytes = 0

  init(limits: Limits = Limits()) {
    self.limits = limits
  }

  /// A call of so many bytes comes, whose time is over at `deadline`; deadlines never go back.
  mutating func enter(_ call: Call, bytes: Int, deadline: Int64) -> Admission {
    if running < limits.running {
      running += 1
      return .runs
    }
    guard waiting.count < limits.waiting, waitingBytes + bytes <= limits.waitingBytes else { return .refused }
    waiting.append(Waiting(call: call, bytes: bytes, deadline: deadline))
    waitingBytes += bytes
    return .waits
  }

  /// A call that ran has ended.
  mutating func ended(now: Int64) -> Turn {
    var turn = Turn()
    while let first = waiting.popFirst() {
      waitingBytes -= first.bytes
      // With less time than that it would hardly be done, and nobody could say whether it was.
      if first.deadline - now > Self.leastTime {
        turn.next = first.call
        return turn
      }
      turn.late.append(first.call)
    }
    running -= 1
    return turn
  }
}
