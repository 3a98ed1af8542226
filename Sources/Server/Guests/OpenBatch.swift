import DequeModule
import Model
import Protocol

/// A batch that is being done: its answers, in the order of the commands.
struct OpenBatch {
  /// What became of a command.
  private enum State {
    /// A request that waits until others are answered.
    case waiting
    case sent
    case answered(String)
  }

  /// What the answers may have together, but for refusals.
  private static let maxBytes = 4 << 20

  /// The ids that the client has given, by the commands' places.
  private let ids: [RequestID?]
  private var states: [State]
  private var missing: Int
  /// Bytes of the answers that are there.
  private var bytes = 0
  /// Requests that wait, each with its text.
  private var requests: Deque<(place: Int, text: String)> = []
  /// What is counted in the table of rates of addresses.
  let rateKey: UserName?
  private let answer: @Sendable ([String]) -> Void

  init(ids: [RequestID?], rateKey: UserName?, answer: @escaping @Sendable ([String]) -> Void) {
    self.ids = ids
    self.rateKey = rateKey
    self.answer = answer
    states = Array(repeating: .sent, count: ids.count)
    missing = ids.count
  }

  /// What a command goes by, by its place.
  static func name(_ place: Int) -> RequestID { RequestID(json: String(place)) }

  /// Takes the answer to a command, and tells whether it was the last that was missing. Another answer to the same is none.
  mutating func answered(_ reply: Reply) -> Bool {
    guard let name = reply.id, let place = Int(name.json), states.indices.contains(place) else { return false }
    if case .answered = states[place] { return false }
    var answer = ApusCodec.json(of: reply, to: name, id: ids[place])
    if bytes + answer.utf8.count > Self.maxBytes {
      answer = ApusCodec.json(
        of: .error(Refusal(id: ids[place], .tooLarge, "The answers to this request are larger than 4 MiB together.")))
    }
    bytes += answer.utf8.count
    states[place] = .answered(answer)
    missing -= 1
    return missing == 0
  }

  /// A request has to wait for others of the batch.
  mutating func wait(_ place: Int, _ text: String) {
    states[place] = .waiting
    requests.append((place, text))
  }

  /// The next request that waits.
  mutating func nextRequest() -> (place: Int, text: String)? {
    guard let next = requests.popFirst() else { return nil }
    states[next.place] = .sent
    return next
  }

  /// Tells what is there; of what is not, that nobody knows, or that it was not done.
  consuming func finish() {
    var all: [String] = []
    for (place, state) in states.enumerated() {
      let refusal: Refusal
      switch state {
      case .answered(let text):
        all.append(text)
        continue
      case .sent: refusal = Refusal(id: ids[place], .timeout, "It was not answered in time; it may or may not be done.")
      case .waiting: refusal = Refusal(id: ids[place], .unavailable, "It was not done in time; nothing was done.")
      }
      all.append(ApusCodec.json(of: .error(refusal)))
    }
    answer(all)
  }
}
