import Cluster
import JSON
import Model
import Reactor
import Redis

/// Questions that every live node is asked about itself: out by the control channels of all nodes, the answers in by those
/// of the node that asks.
///
/// A question goes out in every joined keyspace, of a Cluster in one on each server, since a node may be joined in some
/// alone. Each node answers it once, where it hears it first.
final class NodeSurveys {
  private static let unreachable = Refusal(.unavailable, "Redis cannot be reached; no node was asked.")
  private static let lost = Refusal(.timeout, "Redis did not answer; the nodes may or may not have been asked.")

  private unowned let loop: Loop
  private unowned let outlet: any BrokerOutlet
  /// Of the node; set before anything is asked.
  var keyspaces: [Keyspace] = []
  private var surveys = Surveys()
  /// An answer to a question that is forgotten goes out twice, and counts once.
  private var heard = HeardNumbers(capacity: 1024)

  init(on loop: Loop, outlet: any BrokerOutlet) {
    self.loop = loop
    self.outlet = outlet
  }

  // MARK: Asking

  /// Asks all live nodes; refused where no keyspace is joined.
  func ask(_ question: [UInt8], _ caller: Caller) {
    let joined = keyspaces.ofEachServer
    guard !joined.isEmpty else { return outlet.answer(.failure(Self.unreachable), to: caller) }
    let away = keyspaces.filter { !$0.isJoined }.map(\.context.index)
    guard let number = surveys.begin(caller, in: joined.map(\.context.index), away: away, now: loop.now) else {
      return outlet.answer(.failure(.overloaded(nothing: "asked")), to: caller)
    }
    for keyspace in joined { ask(question, number, in: keyspace) }
  }

  private func ask(_ question: [UInt8], _ number: UInt64, in keyspace: Keyspace) {
    let context = keyspace.context
    let payload = ControlPayload.survey(.question, number: number, from: [keyspace.lease.nodeID.string], question)
    let sent = context.links.run(
      .survey, keys: [context.keys.nodes], [.text(context.keys.control), .bytes(payload)]
    ) { [unowned self, unowned context] outcome in
      guard case .reply(let reply) = outcome else { return fail(number, in: context, Self.lost) }
      if let error = reply.error {
        fail(number, in: context, Self.unreachable)
        return context.handle(serverError: error)
      }
      let live = reply.pairs.map { id, left in
        Survey.Silent(node: id.string, leaseAge: Lease.duration - min(max(0, Int64(left.integer)), Lease.duration))
      }
      answer(surveys.asked(number, in: context.index, live: live))
    }
    if !sent { fail(number, in: context, Self.unreachable) }
  }

  private func fail(_ number: UInt64, in context: KeyspaceContext, _ refusal: Refusal) {
    answer(surveys.failed(number, in: context.index, refusal))
  }

  private func answer(_ outcome: Surveys.Outcome?) {
    switch outcome {
    case .finished(var survey, let caller, let away):
      survey.away = away.map { keyspaces[$0].name }.reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
      outlet.answer(.success(.surveyed(survey)), to: caller)
    case .refused(let refusal, let caller): outlet.answer(.failure(refusal), to: caller)
    case nil: break
    }
  }

  /// Waits no longer for those who have not answered in time.
  func answerOverdue() {
    for outcome in surveys.takeOverdue(now: loop.now) { answer(outcome) }
  }

  /// Answers may have been missed in a keyspace. Where others go on, those nodes are silent.
  func answersLost() {
    if !keyspaces.contains(where: \.isJoined) { giveUp() }
  }

  /// No answer will come any more.
  func giveUp() {
    for caller in surveys.takeAll() { outlet.answer(.failure(Self.lost), to: caller) }
  }

  // MARK: Answering

  /// A question or an answer has come by a keyspace, from the node of these ids.
  func received(
    _ part: ControlPayload.SurveyPart, number: UInt64, from nodes: [String], _ text: UnsafeRawBufferPointer,
    in keyspace: Keyspace
  ) {
    switch part {
    case .answer: answer(surveys.answered(number, by: nodes, Array(text)))
    case .question:
      guard keyspaces.count == 1 || heard.isNew(number) else { return }
      let asker = nodes[0]
      outlet.survey(Array(text)) { [weak self, weak keyspace] text in
        guard let self, let keyspace else { return }
        send(text, to: asker, number, in: keyspace)
      }
    }
  }

  /// Without Redis nobody waits for the answer any more.
  private func send(_ text: [UInt8], to node: String, _ number: UInt64, in keyspace: Keyspace) {
    let context = keyspace.context
    let text = text.count <= Survey.maxBytes ? text : []
    let payload = ControlPayload.survey(.answer, number: number, from: ownIDs, text)
    _ = context.publish(payload, to: context.keys.controlPrefix + node) { [unowned context] outcome in
      if case .reply(let reply) = outcome, let error = reply.error { context.handle(serverError: error) }
    }
  }

  /// The ids that this node has, each once, that of the first keyspace first.
  private var ownIDs: [String] {
    var ids: [String] = []
    for keyspace in keyspaces {
      let id = keyspace.lease.nodeID.string
      if !ids.contains(id) { ids.append(id) }
    }
    return ids
  }
}

@available(*, unavailable)
extension NodeSurveys: Sendable {}
