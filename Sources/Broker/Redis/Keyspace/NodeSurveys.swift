import Cluster
import JSON
import Model
import Reactor
import Redis

/// Questions that every live node is asked about itself: out by the control channel of all nodes, the answers in by that of
/// the node that asks.
final class NodeSurveys {
  private static let unreachable = Refusal(.unavailable, "Redis cannot be reached; no node was asked.")
  private static let lost = Refusal(.timeout, "Redis did not answer; the nodes may or may not have been asked.")

  private unowned let context: KeyspaceContext
  private unowned let lease: NodeLease
  private var surveys = Surveys()

  init(_ context: KeyspaceContext, _ lease: NodeLease) {
    self.context = context
    self.lease = lease
  }

  // MARK: Asking

  /// Asks all; `canHear` tells whether answers would come.
  func ask(_ question: [UInt8], _ caller: Caller, canHear: Bool) {
    guard context.isReady, canHear else { return context.outlet.answer(.failure(Self.unreachable), to: caller) }
    guard let number = surveys.begin(caller, now: context.loop.now) else {
      return context.outlet.answer(.failure(.overloaded(nothing: "asked")), to: caller)
    }
    let payload = ControlPayload.survey(.question, number: number, from: lease.nodeID.string, question)
    let sent = context.scripts.run(
      .survey, keys: [context.keys.nodes], [.text(context.keys.control), .bytes(payload)]
    ) { [unowned self] outcome in
      guard case .reply(let reply) = outcome else { return refuse(number, Self.lost) }
      if let error = reply.error {
        refuse(number, Self.unreachable)
        return context.handle(serverError: error)
      }
      let live = reply.pairs.map { id, left in
        Survey.Silent(node: id.string, leaseAge: Lease.duration - min(max(0, Int64(left.integer)), Lease.duration))
      }
      answer(surveys.asked(number, live: live))
    }
    if !sent { refuse(number, Self.unreachable) }
  }

  private func refuse(_ number: UInt64, _ refusal: Refusal) {
    if let caller = surveys.failed(number) { context.outlet.answer(.failure(refusal), to: caller) }
  }

  private func answer(_ finished: Surveys.Finished?) {
    guard let finished else { return }
    context.outlet.answer(.success(.surveyed(finished.survey)), to: finished.caller)
  }

  /// Waits no longer for those who have not answered in time.
  func answerOverdue() {
    for finished in surveys.takeOverdue(now: context.loop.now) { answer(finished) }
  }

  /// No answer will come any more.
  func giveUp() {
    for caller in surveys.takeAll() { context.outlet.answer(.failure(Self.lost), to: caller) }
  }

  // MARK: Answering

  func received(_ part: ControlPayload.SurveyPart, number: UInt64, from node: String, _ text: UnsafeRawBufferPointer) {
    switch part {
    case .answer: answer(surveys.answered(number, by: node, Array(text)))
    case .question:
      context.outlet.survey(Array(text)) { [weak self] text in self?.send(text, to: node, number) }
    }
  }

  /// Without Redis nobody waits for the answer any more.
  private func send(_ text: [UInt8], to node: String, _ number: UInt64) {
    let text = text.count <= Survey.maxBytes ? text : []
    var command = RedisCommand("PUBLISH", context.keys.controlPrefix + node)
    command.arg(ControlPayload.survey(.answer, number: number, from: lease.nodeID.string, text))
    _ = context.commands.send(command) { [unowned self] outcome in
      if case .reply(let reply) = outcome, let error = reply.error { context.handle(serverError: error) }
    }
  }
}

@available(*, unavailable)
extension NodeSurveys: Sendable {}
