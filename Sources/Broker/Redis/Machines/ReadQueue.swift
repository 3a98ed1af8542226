import Cluster
import DequeModule
import Model

/// Reads of histories and rosters that wait for their turn, without any I/O.
///
/// A few are under way at a time: Redis keeps its answers until they are sent, and everything else that is asked stands
/// behind them. What the node itself is missing goes first, then rosters for all who watch, then subscribes, then
/// commands. Those that ask the same are one read, as long as it has not begun: only what is read later than a subscribe
/// was asked for tells all that its connection has not got. A roster is read once at a time: who comes while it is read
/// waits for its end, and for the next one.
struct ReadQueue {
  /// What is asked for somebody.
  struct Request: Hashable {
    let channel: ChannelName
    let subject: Subject
    let line: Line

    var isForSubscribe: Bool { line == .subscribes }
  }

  enum Subject: Hashable {
    case history(HistoryQuery)
    /// Who is in the channel.
    case roster
    /// How many are.
    case count

    var isHistory: Bool { if case .history = self { true } else { false } }
  }

  /// Who waits, in the order in which they have their turn.
  enum Line: Int, CaseIterable {
    /// All connections of the node that watch the channel's presence.
    case watchers
    case subscribes
    case commands
  }

  enum Job {
    /// What the node is missing in a channel.
    case missing(ChannelName)
    case clients(Request, [Caller])
  }

  /// Reads under way at a time in one Redis. With `HistoryRead.maxBytes` for each this bounds what Redis keeps for this
  /// node.
  static let maxUnderWay = 8
  /// The same in one of the partitions of a Cluster, of which many are on one server.
  static let maxUnderWayInPartition = 2
  /// Commands that wait; subscribes are bounded by the channels of the connections, and by their rates.
  static let maxCommands = 1024

  private var missing: Deque<ChannelName> = []
  /// By `Line`.
  private var lines: [Deque<Request>] = Line.allCases.map { _ in [] }
  /// Who asks what has not begun: what stands in line, and rosters that are being read for others.
  private var readers: [Request: [Caller]] = [:]
  /// Rosters and counts that are being read.
  private var begun: Set<Request> = []
  private var commandCount = 0
  private(set) var underWay = 0
  private let limit: Int

  init(limit: Int = Self.maxUnderWay) {
    self.limit = limit
  }

  /// Puts a channel in line of which something is missing.
  mutating func add(missing channel: ChannelName) {
    missing.append(channel)
  }

  /// Nothing is missing any more, or it will be said anew.
  mutating func forgetMissing() {
    missing = []
  }

  /// Puts somebody in line; false when too many are.
  mutating func add(_ reader: Caller, _ request: Request) -> Bool {
    add([reader], request)
  }

  /// Puts several, or for `watchers` nobody in particular, in line; false when too many are.
  mutating func add(_ asking: [Caller], _ request: Request) -> Bool {
    if request.line == .commands {
      guard commandCount + asking.count <= Self.maxCommands else { return false }
      commandCount += asking.count
    }
    if readers[request] == nil, !begun.contains(request) { lines[request.line.rawValue].append(request) }
    readers[request, default: []] += asking
    return true
  }

  /// What is to be read now; each is to be told by `ended`. Nil when enough is under way, or nothing waits.
  mutating func next() -> Job? {
    guard underWay < limit else { return nil }
    if let channel = missing.popFirst() {
      underWay += 1
      return .missing(channel)
    }
    guard let line = lines.firstIndex(where: { !$0.isEmpty }), let request = lines[line].popFirst() else { return nil }
    underWay += 1
    if !request.subject.isHistory { begun.insert(request) }
    return .clients(request, takeReaders(of: request))
  }

  private mutating func takeReaders(of request: Request) -> [Caller] {
    let asking = readers.removeValue(forKey: request) ?? []
    if request.line == .commands { commandCount -= asking.count }
    return asking
  }

  /// Takes everything that is asked for somebody out of the line.
  mutating func takeRequests() -> [(Request, [Caller])] {
    let asked = lines.joined() + begun.filter { readers[$0] != nil }
    for line in lines.indices { lines[line] = [] }
    return asked.map { ($0, takeReaders(of: $0)) }
  }

  /// A read has come to its end, one way or another; `request` where it was for clients.
  mutating func ended(_ request: Request? = nil) {
    underWay -= 1
    guard let request, begun.remove(request) != nil, readers[request] != nil else { return }
    lines[request.line.rawValue].append(request)
  }
}
