import DequeModule
import Model

/// Reads of histories that wait for their turn, without any I/O.
///
/// A few are under way at a time: Redis keeps its answers until they are sent, and everything else that is asked stands
/// behind them. What the node itself is missing goes first, then subscribes, then commands. Of subscribes and commands
/// those that ask the same are one read, as long as it has not begun: only what is read later than a subscribe was asked
/// for tells all that its connection has not got.
struct ReadQueue {
  /// What is asked for somebody.
  struct Question: Hashable {
    let channel: ChannelName
    let query: HistoryQuery
    let isForSubscribe: Bool
  }

  enum Job {
    /// What the node is missing in a channel.
    case missing(ChannelName)
    case clients(Question, [Reader])
  }

  /// Who wants to know, and on which loop.
  struct Reader: Equatable {
    let loop: LoopIndex
    let reader: HistoryReader
  }

  /// Reads under way at a time. With `HistoryRead.maxBytes` for each this bounds what Redis keeps for this node.
  static let maxUnderWay = 8
  /// Commands that wait; subscribes are bounded by the channels of the connections, and by their rates.
  static let maxCommands = 1024

  private var missing: Deque<ChannelName> = []
  private var subscribes: Deque<Question> = []
  private var commands: Deque<Question> = []
  private var readers: [Question: [Reader]] = [:]
  private var commandCount = 0
  private(set) var underWay = 0

  /// Puts a channel in line of which something is missing.
  mutating func add(missing channel: ChannelName) {
    missing.append(channel)
  }

  /// Nothing is missing any more, or it will be said anew.
  mutating func forgetMissing() {
    missing = []
  }

  /// Puts somebody in line; false when too many are.
  mutating func add(_ reader: Reader, _ question: Question) -> Bool {
    if !question.isForSubscribe {
      guard commandCount < Self.maxCommands else { return false }
      commandCount += 1
    }
    if readers[question] == nil {
      if question.isForSubscribe { subscribes.append(question) } else { commands.append(question) }
    }
    readers[question, default: []].append(reader)
    return true
  }

  /// What is to be read now; each is to be told by `ended`. Nil when enough is under way, or nothing waits.
  mutating func next() -> Job? {
    guard underWay < Self.maxUnderWay else { return nil }
    if let channel = missing.popFirst() {
      underWay += 1
      return .missing(channel)
    }
    guard let question = subscribes.popFirst() ?? commands.popFirst() else { return nil }
    underWay += 1
    let asking = readers.removeValue(forKey: question) ?? []
    if !question.isForSubscribe { commandCount -= asking.count }
    return .clients(question, asking)
  }

  /// Takes everything that is asked for somebody out of the line.
  mutating func takeQuestions() -> [(Question, [Reader])] {
    let asked = (subscribes + commands).map { ($0, readers[$0] ?? []) }
    subscribes = []
    commands = []
    readers = [:]
    commandCount = 0
    return asked
  }

  /// A read has come to its end, one way or another.
  mutating func ended() {
    underWay -= 1
  }
}
