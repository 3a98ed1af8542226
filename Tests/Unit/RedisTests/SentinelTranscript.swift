@testable import Redis

/// The machine with its clock, whose actions are words.
struct Poll {
  private var machine: SentinelPoll
  private(set) var now: Int64 = 1_000_000
  /// Of the latest question.
  private(set) var number: UInt64 = 0

  init(_ count: Int = 3) {
    machine = SentinelPoll(places: (0..<count).map { "s\($0)" }, name: "main")
  }

  /// All are connected, the address is known, and it is the turn of 0.
  /// `since` is how long ago the last answer came.
  init(known address: ServerAddress, epoch: Int? = 1, since: Int64 = 0) {
    self.init()
    for index in 0...2 { _ = connected(index) }
    _ = locate()
    for index in 0...2 { _ = answered(index, .primary(address, epoch: epoch)) }
    now += 1000
    while tick(after: 0) != ["ask 2"] {
      for index in 0...2 { _ = answered(index, .primary(address, epoch: nil)) }
      now += 1000
    }
    _ = answered(2, .primary(address, epoch: nil))
    now += since
  }

  var answering: Int { machine.answering }

  mutating func locate() -> [String] { words(machine.locate(now: now)) }
  mutating func doubt() -> [String] { words(machine.doubt(now: now)) }
  mutating func connected(_ index: Int) -> [String] { words(machine.connected(index, now: now)) }
  mutating func lost(_ index: Int) { machine.lost(index) }

  mutating func unreachable(_ index: Int, _ reason: String) -> [String] {
    words(machine.unreachable(index, reason, now: now))
  }

  mutating func answered(_ index: Int, _ answer: SentinelAnswer, number: UInt64? = nil) -> [String] {
    words(machine.answered(index, answer, number: number ?? self.number, now: now))
  }

  mutating func tick(after milliseconds: Int64) -> [String] {
    now += milliseconds
    return words(machine.tick(now: now))
  }

  private mutating func words(_ actions: [SentinelPoll.Action]) -> [String] {
    actions.map { action in
      switch action {
      case .ask(let index, let number, let withEpoch):
        self.number = number
        return "ask \(index)\(withEpoch ? " epoch" : "")"
      case .found(let address): return "found \(address)"
      case .notFound(let reason): return "not found: \(reason)"
      case .moved(let address): return "moved \(address)"

      case .doubtful(let reason): return "doubtful: \(reason)"
      case .unheard(let reason): return "unheard: \(reason)"
      case .heard: return "heard"
      }
    }
  }

  static func address(_ number: Int) -> ServerAddress {
    guard let address = ServerAddress(host: "10.0.0.\(number)", port: "6379") else { preconditionFailure("no address") }
    return address
  }
}
