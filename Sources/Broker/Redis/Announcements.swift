import Cluster
import Model

/// Events for everybody: out by the control channels of all nodes, in by them.
///
/// With several keyspaces an event goes out in every one that is joined, of a Cluster in one on each server, since a node may
/// be joined in some alone. Each node takes it once, where it hears it first; two events keep their order, since each way keeps it.
final class Announcements {
  /// Of so many that came last a node knows that it has heard them.
  private static let remembered = 16_384

  private unowned let outlet: any BrokerOutlet
  /// Of the node; set before anything is sent.
  var keyspaces: [Keyspace] = []
  private var lastNumber = HeardNumbers.start()
  private var heard = HeardNumbers(capacity: remembered)

  init(_ outlet: any BrokerOutlet) {
    self.outlet = outlet
  }

  /// Sends it to all nodes; refused where no keyspace takes it.
  func send(_ event: DirectEvent, _ caller: Caller) {
    let joined = keyspaces.ofEachServer
    // One that is not says why.
    let places = joined.isEmpty ? [keyspaces[0]] : joined
    lastNumber += 1
    let number = keyspaces.count == 1 ? nil : lastNumber
    var missing = places.count
    var isOnline: Bool?
    var refusal: Refusal?
    for keyspace in places {
      keyspace.users.sendToEverybody(event, number) { [unowned self] result in
        switch result {
        case .success(let isHeard): isOnline = isHeard || isOnline == true
        case .failure(let failure): refusal = failure
        }
        missing -= 1
        guard missing == 0 else { return }
        if let isOnline {
          if caller.wantsReceipt { outlet.answer(.success(.sent(isOnline: isOnline)), to: caller) }
        } else if let refusal {
          outlet.answer(.failure(refusal), to: caller)
        }
      }
    }
  }

  /// Returns whether the event is new. With one keyspace events have no number, and each is new.
  func isNew(_ number: UInt64?) -> Bool { number.map { heard.isNew($0) } ?? true }
}

@available(*, unavailable)
extension Announcements: Sendable {}
