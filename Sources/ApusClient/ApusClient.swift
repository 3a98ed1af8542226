import Locks
import Reactor

/// A client of an Apus cluster, for programs: subscribes, publishes, and comes back by itself when a connection is lost.
///
///     let client = try await ApusClient.connect(to: "ws://127.0.0.1:8080/ws")
///     try await client.subscribe("lobby")
///     try await client.publish(#"{"text":"hello"}"#, to: "lobby")
///     for try await event in client.events {
///       if case .message(let message) = event { print(message.data) }
///     }
///
/// After a lost connection it connects again, with a growing random delay, subscribes to the same channels, and asks
/// for what it missed where a channel keeps history; `ClientEvent.gap` tells where something may be missing.
/// One thread per client runs its socket. Linux, `ws://` and `wss://`; whose certificates it trusts, the system says, or the
/// file that the environment names by `SSL_CERT_FILE`.
public final class ApusClient: Sendable {
  /// What happens, in order; for one task to go over.
  public var events: ClientEvents { ClientEvents(queue: queue, client: self) }

  private let queue: EventQueue
  private let thread: LoopThread
  private let runner: LoopBound<ClientRunner>

  /// Connects to `url`, as `wss://example.com/ws` or `ws://127.0.0.1:8080/ws`, and waits for the node's first words.
  ///
  /// `token` gives what proves to the node who this is, for this connection and all later ones (see `TokenProvider`);
  /// without it the client is who the URL says, or anonymous. Throws what `token` throws, and an `ApusClientError` that
  /// says what to do when connecting fails; only from then on it tries again by itself.
  public static func connect(to url: String, token: TokenProvider? = nil) async throws -> ApusClient {
    try await connect(to: url, token: token, onText: nil)
  }

  /// The same; `onText` sees every text of the node as it came, on the client's own thread, and may hold it back.
  package static func connect(
    to url: String, token: TokenProvider?, onText: (@Sendable (String) -> Void)?
  ) async throws -> ApusClient {
    let parsed = try ClientURL(url)
    // Asked here, so that the caller gets what the provider throws as it is.
    let first: ClientToken? = if let token { try ClientToken(try await token()) } else { nil }
    let queue = EventQueue()
    let made = Lock<LoopBound<ClientRunner>?>(nil)
    let thread = try LoopThread.start("apus-client") { loop in
      let runner = LoopBound(ClientRunner(parsed, token, on: loop, queue, onText: onText), on: loop)
      made.withLock { $0 = runner }
      return nil
    }
    guard let runner = made.withLock({ $0 }) else {
      throw ApusClientError(.notConnected, "The client's thread did not start.")
    }
    queue.whenRoom { runner.execute { $0.resume() } }
    let client = ApusClient(queue, thread, runner)
    _ = try await client.ask { $0.start($1, token: first) }
    return client
  }

  private init(_ queue: EventQueue, _ thread: LoopThread, _ runner: LoopBound<ClientRunner>) {
    self.queue = queue
    self.thread = thread
    self.runner = runner
  }

  deinit {
    runner.execute { $0.close() }
    thread.end()
  }

  /// Listens to a channel from now on, over all connections; returns when its messages arrive.
  ///
  /// Waits through lost connections and refusals that may pass; throws when the node refuses it for good. A second time
  /// it changes `presence` and `info`. `info` is JSON text of at most 1 KiB that others see beside the user. `since`
  /// asks for what was published after that position, in a channel that keeps history.
  @discardableResult
  public func subscribe(
    _ channel: String, presence: Presence = .none, info: String? = nil, since: RecoveryPoint? = nil
  ) async throws -> Subscription {
    let reply = try await ask {
      $0.subscribe(channel, presence: presence, info: info, since: since, $1)
    }
    guard case .subscribed(let subscription) = reply else { throw Self.unexpected }
    return subscription
  }

  /// Listens to a channel no longer; does nothing where it did not.
  public func unsubscribe(_ channel: String) async throws {
    _ = try await ask { $0.unsubscribe(channel, $1) }
  }

  /// Publishes JSON text in a channel; returns when the cluster has taken it, with its place in the history if there is one.
  ///
  /// With `echo` false this connection does not get the message itself. Is never sent twice: throws `.notConnected` when
  /// nothing was sent, and `.outcomeUnknown` when the connection was lost before the answer.
  @discardableResult
  public func publish(_ data: String, to channel: String, echo: Bool = true) async throws -> Position? {
    let reply = try await ask { $0.publish(data, to: channel, echo: echo, $1) }
    guard case .published(let position) = reply else { throw Self.unexpected }
    return position
  }

  /// Who is in a channel: a user counts once, however many connections they have.
  ///
  /// Throws `.tooManyMembers` where the node tells only how many there are, as `count(of:)` does.
  public func members(of channel: String) async throws -> [Member] {
    let reply = try await ask { $0.members(of: channel, onlyCount: false, $1) }
    guard case .members(let members, let count) = reply else { throw Self.unexpected }
    guard let members else {
      throw ApusClientError(
        .tooManyMembers, "The \(count) members of \(channel) are too many, or too large, to be listed.")
    }
    return members
  }

  /// How many are in a channel.
  public func count(of channel: String) async throws -> Int {
    let reply = try await ask { $0.members(of: channel, onlyCount: true, $1) }
    guard case .members(_, let count) = reply else { throw Self.unexpected }
    return count
  }

  /// Says goodbye and ends `events`.
  public func close() {
    runner.execute { $0.close() }
  }

  private static let unexpected = ApusClientError(.init("internal"), "The node gave an unexpected answer.")

  private func ask(
    _ question: @escaping @Sendable (inout ClientSession, RequestNumber) -> [SessionAction]
  ) async throws -> SessionReply {
    try await OneShot.wait { answer in
      let accepted = runner.execute { $0.request(question) { answer.resume($0.mapError { $0 }) } }
      if !accepted { answer.resume(.failure(ApusClientError(.closed, "The client was closed."))) }
    }
  }
}
