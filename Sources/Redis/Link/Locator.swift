/// Tells where a link connects to: asked before each attempt.
package protocol Locator: AnyObject, CustomStringConvertible {
  var peer: LinkPeer { get }
  /// The sentence for an answer that is overdue, such as "no Sentinel has answered".
  var overdue: String { get }
  /// Answers once, at once or later on the link's loop.
  func locate(_ answer: @escaping (Result<RedisURL, NoLocation>) -> Void)
}

/// Why it is not known where to connect, in a sentence.
package struct NoLocation: Error, Equatable {
  package let reason: String
}

/// One address, always.
package final class FixedLocator: Locator {
  package let peer: LinkPeer
  private let url: RedisURL

  package init(_ url: RedisURL, peer: LinkPeer = .redis) {
    self.url = url
    self.peer = peer
  }

  package var overdue: String { "no connection" }
  package var description: String { peer.place(url) }

  package func locate(_ answer: @escaping (Result<RedisURL, NoLocation>) -> Void) {
    answer(.success(url))
  }
}
