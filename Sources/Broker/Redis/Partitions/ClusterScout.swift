import Logging
import Reactor
import Redis
import TLS

/// A link that asks one server after the other for the map of slots, for as long as no other link can: at the start, and
/// when all are lost.
final class ClusterScout {
  private let link: RedisLink
  private let locator: RotatingLocator

  /// `answer` gets what a server said of the map, or why it said nothing.
  init(
    _ urls: [(ServerAddress, RedisURL)], security: TLSContext?, name: String, on loop: Loop, timeout: Int64,
    logger: Logger, answer: @escaping (ServerAddress, Result<ClusterAnswer, ClusterAnswer.Failure>) -> Void
  ) {
    locator = RotatingLocator(urls)
    link = RedisLink(by: locator, security: security, name: name, on: loop, timeout: timeout, logger: logger)
    link.onEvent = { [unowned self] event in
      let address = locator.address
      switch event {
      case .connected:
        ClusterAnswer.ask(by: link, at: address) { answer(address, $0) }
      case .lost(let reason), .unreachable(let reason):
        answer(address, .failure(ClusterAnswer.Failure(reason: reason)))
      }
    }
  }

  func start() {
    link.start()
  }

  func stop() {
    link.stop()
  }

  /// Goes on to the next server, if it asks this one, which is of no use for that reason.
  func leave(_ address: ServerAddress, _ reason: String) {
    if address == locator.address, link.isConnected { link.reset(reason) }
  }

  /// Asks again where it is connected; false where it is not.
  func ask(then answer: @escaping (ServerAddress, Result<ClusterAnswer, ClusterAnswer.Failure>) -> Void) -> Bool {
    guard link.isConnected else { return false }
    let address = locator.address
    ClusterAnswer.ask(by: link, at: address) { answer(address, $0) }
    return true
  }
}

/// One server after the other, a new one for each attempt.
private final class RotatingLocator: Locator {
  private let urls: [(address: ServerAddress, url: RedisURL)]
  private var next: Int
  /// The one that the present attempt leads to.
  private(set) var address: ServerAddress

  let peer = LinkPeer.clusterServer

  init(_ urls: [(ServerAddress, RedisURL)]) {
    self.urls = urls.map { (address: $0.0, url: $0.1) }
    // Nodes that start together do not all ask the same one.
    next = Int.random(in: urls.indices)
    address = urls[0].0
  }

  var overdue: String { "no connection" }
  var description: String { address.description }

  func locate(_ answer: @escaping (Result<RedisURL, NoLocation>) -> Void) {
    let (address, url) = urls[next]
    next = (next + 1) % urls.count
    self.address = address
    answer(.success(url))
  }
}

@available(*, unavailable)
extension ClusterScout: Sendable {}
