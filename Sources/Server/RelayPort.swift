import Cluster
import Model
import Reactor

/// A worker's way to the relay and back.
struct RelayPort {
  /// The worker's number.
  let index: LoopIndex
  private let requests: BatchingSender<Relay.Request>
  /// How far the relay is behind.
  private let requestsInFlight: InFlightBytes
  /// How far the worker is behind; nil where the relay lives on its loop.
  let eventsInFlight: InFlightBytes?
  /// Where the relay leaves what the worker hears.
  let events: Mailbox<BrokerEvent>

  init(
    index: LoopIndex, on loop: Loop, requests: Mailbox<Relay.Request>, requestsInFlight: InFlightBytes,
    eventsInFlight: InFlightBytes?
  ) {
    self.index = index
    self.requests = BatchingSender(from: loop, to: requests)
    self.requestsInFlight = requestsInFlight
    self.eventsInFlight = eventsInFlight
    events = Mailbox(on: loop)
  }

  /// Whether the relay is so far behind that nothing more should be asked for now.
  var isFull: Bool { requestsInFlight.isFull }

  func ask(_ question: Question, by asker: Asker) {
    requestsInFlight.add(question.weight)
    requests.post(.ask(asker, question, index))
  }

  func report(_ report: LoopReport) {
    requests.post(.report(report, index))
  }
}

@available(*, unavailable)
extension RelayPort: Sendable {}
