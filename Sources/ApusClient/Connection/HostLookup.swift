import Reactor

/// From a URL's host to addresses, for the connections of one loop.
package final class HostLookup {
  package typealias Answer = (Result<[SocketAddress], ResolveError>) -> Void

  private let answers: Mailbox<Resolution>
  private var waiting: [UInt64: Answer] = [:]
  private var lastTag: UInt64 = 0

  package init(on loop: Loop) {
    answers = Mailbox(on: loop)
    // The mailbox is the loop's, and so may have an answer for a client that is gone.
    answers.receive { [weak self] in self?.waiting.removeValue(forKey: $0.tag)?($0.result) }
  }

  /// Tells every address of the URL's host: a numeric one at once, others later.
  package func find(_ url: ClientURL, _ answer: @escaping Answer) {
    if let address = SocketAddress(numericHost: url.host, port: url.port) { return answer(.success([address])) }
    lastTag += 1
    waiting[lastTag] = answer
    Resolver.resolve(url.host, port: url.port, tag: lastTag, answer: answers)
  }
}

@available(*, unavailable)
extension HostLookup: Sendable {}
