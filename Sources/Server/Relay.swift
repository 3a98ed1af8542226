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
  /// How far each loop is behind; none where there is one loop only.
  private var backlogs: [Backlog] = []
  /// How far the relay itself is behind.
  let requestBacklog = Backlog()
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
  func begin(
    _ mailboxes: [Mailbox<BrokerEvent>], _ backlogs: [Backlog], _ make: (Loop, any BrokerOutlet) -> any Broker
  ) {
    loops = mailboxes.map { Postbox(from: loop, to: $0) }
    self.backlogs = backlogs
    let broker = make(loop, self)
    self.broker = broker
    requests.receiveBatches { [requestBacklog] batch in
      for item in batch {
        requestBacklog.remove(item.request.weight)
        broker.handle(item.request, from: item.loop)
      }
    }
    broker.start()
  }

  func post(_ event: BrokerEvent, to loop: LoopIndex) {
    if !backlogs.isEmpty { backlogs[loop].add(event.weight) }
    loops[loop].post(event)
  }

  var loopCount: Int { loops.count }

  var isCongested: Bool { backlogs.contains { $0.isFull } }

  func postToAll(_ event: BrokerEvent) {
    for loop in loops.indices { post(event, to: loop) }
  }
}

extension BrokerEvent {
  /// Bytes of messages in it.
  var weight: Int {
    switch self {
    case .deliver(_, let frame, _, _, _, _): frame.count
    case .addressed(_, let frame, _): frame.count
    case .history(_, _, .success(let read)): read.byteCount
    case .roster(_, _, .success(let roster)): roster.byteCount
    default: 0
    }
  }
}

extension BrokerRequest {
  /// Bytes of messages in it.
  var weight: Int {
    switch self {
    case .publish(_, _, let publication): publication.event.count
    case .send(_, _, _, let event): event.count
    default: 0
    }
  }
}

@available(*, unavailable)
extension Relay: Sendable {}
