/// Everything an `ApusClient` tells of, in order, for one task to go over.
///
/// Ends when `close` was called, and throws an `ApusClientError` when the node does not want the client any more. While
/// a thousand events wait to be taken the client reads no further, so that a slow program holds back the node and not
/// the memory; the node gives such a client up after a while, and the client then recovers as after any lost connection.
public struct ClientEvents: AsyncSequence, Sendable {
  let queue: EventQueue
  /// Whoever goes over the events keeps the client alive.
  let client: ApusClient

  public struct Iterator: AsyncIteratorProtocol {
    let queue: EventQueue
    let client: ApusClient

    public mutating func next() async throws -> ClientEvent? {
      try await queue.next()
    }
  }

  public func makeAsyncIterator() -> Iterator {
    Iterator(queue: queue, client: client)
  }
}
