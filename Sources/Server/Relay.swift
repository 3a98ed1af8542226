import Broker
import Model
import Reactor

/// The relay loop's end of a server: takes the loops' requests to the broker and its events back to them.
///
/// With one loop it lives there; with more it has a thread of its own, so that fan-out never delays reading from Redis.
final class Relay: BrokerOutlet {
  private let loop: Loop
  private let requests: Mailbox<Request>
  private var loops: [Postbox<BrokerEvent>] = []
  private(set) var broker: (any Broker)?

  struct Request: Sendable {
    let request: BrokerRequest
    let loop: LoopIndex
  }

  /// The relay of that loop, with the mailbox that `Relay.Request`s arrive in.
  init(on loop: Loop) {
    self.loop = loop
    requests = Mailbox(on: loop)
  }

  /// Where the loops leave their requests.
  var mailbox: Mailbox<Request> { requests }

  /// Begins: the loops' mailboxes are there now, and the broker is made and started.
  func begin(_ mailboxes: [Mailbox<BrokerEvent>], _ make: (Loop, any BrokerOutlet) -> any Broker) {
    loops = mailboxes.map { Postbox(from: loop, to: $0) }
    let broker = make(loop, self)
    self.broker = broker
    requests.receive { broker.handle($0.request, from: $0.loop) }
    broker.start()
  }

  func post(_ event: BrokerEvent, to loop: LoopIndex) {
    loops[loop].post(event)
  }

  func postToAll(_ event: BrokerEvent) {
    for postbox in loops { postbox.post(event) }
  }
}

@available(*, unavailable)
extension Relay: Sendable {}
