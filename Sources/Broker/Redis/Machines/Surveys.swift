import Cluster

/// Surveys that are under way, without any I/O: who was asked, who has answered, and when nobody is waited for any longer.
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

  /// A survey that is over.
  struct Finished {
    let caller: Caller
    let survey: Survey
  }

  private struct Open {
    let caller: Caller
    let since: Int64
    var replies: [Survey.Reply] = []
    /// Nodes that cannot tell.
    var unable: Set<String> = []
    /// Who is alive; nil until Redis has told.
    var live: [Survey.Silent]?

    /// Live nodes of whom nothing has come.
    var silent: [Survey.Silent] {
      let answered = Set(replies.map(\.node))
      return (live ?? []).filter { !answered.contains($0.node) }
    }

    var isComplete: Bool { live != nil && silent.allSatisfy { unable.contains($0.node) } }

    var finished: Finished { Finished(caller: caller, survey: Survey(replies: replies, silent: silent)) }
  }

  private var open: [UInt64: Open] = [:]
  private var lastNumber: UInt64 = 0

  /// Begins a survey and gives its number; nil where too many are under way.
  mutating func begin(_ caller: Caller, now: Int64) -> UInt64? {
    guard open.count < Self.capacity else { return nil }
    lastNumber += 1
    open[lastNumber] = Open(caller: caller, since: now)
    return lastNumber
  }

  /// Redis has passed the question on, and told who is alive.
  mutating func asked(_ number: UInt64, live: [Survey.Silent]) -> Finished? {
    open[number]?.live = live
    return finish(number)
  }

  /// The question could not be passed on, or nobody knows whether it was; returns who is to be told.
  mutating func failed(_ number: UInt64) -> Caller? {
    open.removeValue(forKey: number)?.caller
  }

  /// A node has answered; one counts once. An empty answer says that it cannot tell.
  mutating func answered(_ number: UInt64, by node: String, _ text: [UInt8]) -> Finished? {
    guard let survey = open[number], survey.replies.count + survey.unable.count < Self.maxReplies,
      !survey.replies.contains(where: { $0.node == node })
    else { return nil }
    if text.isEmpty {
      open[number]?.unable.insert(node)
    } else {
      open[number]?.replies.append(Survey.Reply(node: node, text: text))
    }
    return finish(number)
  }

  private mutating func finish(_ number: UInt64) -> Finished? {
    guard open[number]?.isComplete == true else { return nil }
    return open.removeValue(forKey: number)?.finished
  }

  /// Those for which it has been waited long enough.
  mutating func takeOverdue(now: Int64) -> [Finished] {
    guard !open.isEmpty else { return [] }
    // Of one whose question is still on its way nobody knows who is to answer.
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
