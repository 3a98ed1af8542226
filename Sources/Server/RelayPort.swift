import Cluster
import Model
import Reactor

/// A worker's way to the relay and back.
struct RelayPort {
  /// The worker's number.
  let index: LoopIndex
  private let requests: Postbox<Relay.Request>
  /// How far the relay is behind.
  private let requestBacklog: Backlog
  /// How far the worker is behind; nil where the relay lives on its loop.
  let backlog: Backlog?
  /// Where the relay leaves what the worker hears.
  let events: Mailbox<BrokerEvent>

  init(
    index: LoopIndex, on loop: Loop, requests: Mailbox<Relay.Request>, requestBacklog: Backlog, backlog: Backlog?
  ) {
    self.index = index
    self.requests = Postbox(from: loop, to: requests)
    self.requestBacklog = requestBacklog
    self.backlog = backlog
    events = Mailbox(on: loop)
  }

  /// Whether the relay is so far behind that nothing more should be asked for now.
  var isFull: Bool { requestBacklog.isFull }

  func ask(_ question: Question, by asker: Asker) {
    requestBacklog.add(question.weight)
    requests.post(.ask(asker, question, index))
  }

  func report(_ report: LoopReport) {
    requests.post(.report(report, index))
  }
}

@available(*, unavailable)
extension RelayPort: Sendable {}
