import Reactor

/// A connection to an Apus node, for programs: sends commands and gets everything the node says, as JSON text.
///
/// One thread per client runs its socket. Linux, `ws://`.
public final class ApusClient: Sendable {
  /// Every reply and event in order of arrival, as one JSON text each.
  ///
  /// Ends when `close` was called; throws an `ApusClientError` when the connection is lost.
  public let messages: AsyncThrowingStream<String, any Error>

  private let thread: LoopThread
  private let connection: LoopBound<ClientConnection>

  /// Connects to `url`, as `ws://127.0.0.1:8080/ws`; throws an `ApusClientError` that says what to do.
  public static func connect(to url: String) async throws -> ApusClient {
    Sys.ignoreSIGPIPE()
    let parsed = try ClientURL(url)
    let (messages, feed) = AsyncThrowingStream<String, any Error>.makeStream()
    let (openings, opening) = AsyncThrowingStream<Void, any Error>.makeStream()
    let made = Lock<LoopBound<ClientConnection>?>(nil)
    let thread = try LoopThread.start("apus-client") { loop in
      let connection = ClientConnection(parsed, on: loop) { event in
        switch event {
        case .opened: opening.finish()
        case .text(let text): feed.yield(text)
        case .closed(let error):
          opening.finish(throwing: error)
          feed.finish(throwing: error)
        }
      }
      let bound = LoopBound(connection, on: loop)
      made.withLock { $0 = bound }
      return nil
    }
    guard let connection = made.withLock({ $0 }) else { throw ApusClientError("The client's thread did not start.") }
    connection.execute { $0.start() }
    do {
      for try await _ in openings {}
    } catch {
      thread.stop()
      throw error
    }
    return ApusClient(messages, thread, connection)
  }

  private init(
    _ messages: AsyncThrowingStream<String, any Error>, _ thread: LoopThread, _ connection: LoopBound<ClientConnection>
  ) {
    self.messages = messages
    self.thread = thread
    self.connection = connection
  }

  deinit {
    connection.execute { $0.close() }
    thread.handle.execute { $0.stop() }
  }

  /// Sends one command, a JSON object; after the end it does nothing.
  public func send(_ json: String) {
    connection.execute { $0.send(json) }
  }

  /// Says goodbye and ends `messages`.
  public func close() {
    connection.execute { $0.close() }
  }
}
