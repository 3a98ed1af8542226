import Cluster
import Model

/// Surveys that are under way, without any I/O: where and who was asked, who has answered, and when nobody is waited for any
/// longer.
///
/// Redis tells who is alive only after it has passed the question on; so answers may come before it is known who is to
/// answer. A node that has come in between counts as well.
struct Surveys {
  /// Milliseconds for which answers are waited for.
  static let patience: Int64 = 1000
  /// The most that are under way.
  static let capacity = 64

  /// The most answers to one: whoever may publish in Redis can make up nodes.
  static let maxReplies = 1000

  /// What a survey has come to, and who is to be told.
  enum Outcome {
    /// `away`: keyspaces that the question did not go out in.
    case finished(Survey, Caller, away: [KeyspaceIndex])
    /// It went out in none.
    case refused(Refusal, Caller)
  }

  private struct Open {
    let caller: Caller
    let since: Int64
    /// Keyspaces that have not told yet who is alive there.
    var asking: Set<KeyspaceIndex>
    var away: [KeyspaceIndex]
    var replies: [Survey.Reply] = []
    /// All ids of those who have answered.
    var answered: Set<String> = []
    /// Nodes that cannot tell.
    var unable: Set<String> = []
    /// Who is alive, as far as keyspaces have told; nil before the first.
    var live: [Survey.Silent]?

    /// Live nodes of whom nothing has come.
    var silent: [Survey.Silent] { (live ?? []).filter { !answered.contains($0.node) } }

    var isComplete: Bool { asking.isEmpty && silent.allSatisfy { unable.contains($0.node) } }

    var finished: Outcome {
      .finished(Survey(replies: replies, silent: silent), caller, away: (away + asking).sorted())
    }

    /// A node is heard of in each keyspace; what counts is where it renewed its lease last.
    mutating func add(_ nodes: [Survey.Silent]) {
      var all = live ?? []
      for node in nodes {
        if let index = all.firstIndex(where: { $0.node == node.node }) {
          if node.leaseAge < all[index].leaseAge { all[index] = node }
        } else {
          all.append(node)
        }
      }
      live = all
    }
  }

  private var open: [UInt64: Open] = [:]
  private var lastNumber = HeardNumbers.start()

  /// Begins a survey in these keyspaces and gives its number; nil where too many are under way. `away`: where it cannot go.
  mutating func begin(
    _ caller: Caller, in keyspaces: [KeyspaceIndex], away: [KeyspaceIndex] = [], now: Int64
  ) -> UInt64? {
    guard open.count < Self.capacity else { return nil }
    lastNumber += 1
    open[lastNumber] = Open(caller: caller, since: now, asking: Set(keyspaces), away: away)
    return lastNumber
  }

  /// A keyspace has passed the question on, and told who is alive.
  mutating func asked(_ number: UInt64, in keyspace: KeyspaceIndex, live: [Survey.Silent]) -> Outcome? {
    guard open[number]?.asking.remove(keyspace) != nil else { return nil }
    open[number]?.add(live)
    return finish(number)
  }

  /// A keyspace could not pass the question on, or nobody knows whether it has; where no other has either, it is refused.
  mutating func failed(_ number: UInt64, in keyspace: KeyspaceIndex, _ refusal: Refusal) -> Outcome? {
    guard var survey = open[number], survey.asking.remove(keyspace) != nil else { return nil }
    survey.away.append(keyspace)
    open[number] = survey
    if survey.live != nil || !survey.asking.isEmpty { return finish(number) }
    open[number] = nil
    return .refused(refusal, survey.caller)
  }

  /// A node has answered, which goes by these ids, the first above all; one counts once. An empty answer says that it cannot
  /// tell.
  mutating func answered(_ number: UInt64, by ids: [String], _ text: [UInt8]) -> Outcome? {
    guard let survey = open[number], survey.replies.count + survey.unable.count < Self.maxReplies, let node = ids.first,
      survey.answered.isDisjoint(with: ids)
    else { return nil }
    if text.isEmpty {
      open[number]?.unable.formUnion(ids)
    } else {
      open[number]?.replies.append(Survey.Reply(node: node, text: text))
      open[number]?.answered.formUnion(ids)
    }
    return finish(number)
  }

  private mutating func finish(_ number: UInt64) -> Outcome? {
    guard open[number]?.isComplete == true else { return nil }
    return open.removeValue(forKey: number)?.finished
  }

  /// Those for which it has been waited long enough.
  mutating func takeOverdue(now: Int64) -> [Outcome] {
    guard !open.isEmpty else { return [] }
    // Of one whose question is still on its way everywhere nobody knows who is to answer.
    let overdue = open.filter { now - $0.value.since >= Self.patience && $0.value.live != nil }
    for number in overdue.keys { open[number] = nil }
    return overdue.values.map(\.finished)
  }

  /// No answer can come any more; returns who is to be told.
  mutating func takeAll() -> [Caller] {
    defer { open = [:] }
    return open.values.map(\.caller)
  }
}
