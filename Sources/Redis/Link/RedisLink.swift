import DequeModule
import Logging
import Reactor
import TLS

/// A connection to one Redis that comes back by itself: connects, authenticates, pipelines commands, notices when the
/// other side is gone or silent, and connects again with a growing, random delay.
///
/// All commands of a turn leave in one write. Nothing is ever sent twice: what was written and not answered when the
/// connection is lost is reported as lost, and its owner decides.
package final class RedisLink: EventSource {
  /// An event of the link, for its owner.
  package enum Event {
    /// Connected and authenticated; the owner may send.
    case connected
    /// The connection is gone. One attempt to come back is on its way.
    case lost(reason: String)
    /// An attempt to connect has failed; others follow.
    case unreachable(reason: String)
  }

  /// The fate of a command.
  package enum Outcome {
    /// Redis' answer, lent.
    case reply(RedisReplyView)
    /// The connection was lost before an answer came: whether the command was carried out is unknown.
    case lost
  }

  enum State {
    case stopped
    /// For the delay before the next attempt.
    case waiting
    /// Asking where to connect.
    case locating
    case resolving
    case connecting(fd: Int32, Registration, rest: [SocketAddress])
    /// The handshake of TLS.
    case securing(RedisConnection, Registration, rest: [SocketAddress])
    /// Authenticating and selecting the database.
    case introducing(RedisConnection, Registration)
    case connected(RedisConnection, Registration)
  }

  enum TimerKey {
    static let reconnect: UInt32 = 0
    static let watch: UInt32 = 1
  }

  /// How much may wait to be written, in bytes.
  package static let maxPendingBytes = 16 << 20
  /// Connections that may be lost in a row, before they are of use, until Redis counts as unreachable.
  private static let maxHastyLosses = 3
  /// How often the link looks whether an answer is overdue, in milliseconds.
  static let watchInterval: Int64 = 100

  let locator: any Locator
  /// The server of the present attempt or connection; nil before that is known.
  package internal(set) var target: RedisURL?
  /// For URLs with TLS.
  let security: TLSContext?
  let name: String
  let loop: Loop
  let timeout: Int64
  let logger: Logger
  var state = State.stopped
  private var backoff = Backoff()
  private var random = SystemRandomNumberGenerator()
  /// Counts attempts, so that an answer that comes late is recognised.
  var attempt: UInt64 = 0
  var attemptBegan: Int64 = 0
  /// Whether the owner has found the present connection in order.
  var isSettled = false
  /// Connections in a row that were lost before they were of use.
  private var hastyLosses = 0
  var pending: Deque<(Outcome) -> Void> = []
  /// Confirmations of subscribe and unsubscribe that are due; they answer no single command.
  var confirmations = 0
  /// When the link last heard something it was waiting for, or began to wait.
  var heard: Int64 = 0
  var isFlushing = false
  var wantsWrite = false
  /// Whether the owner wants nothing more for now; what Redis sends waits in the socket.
  var isPaused = false
  var reconnectTimer: TimerID?
  /// The last reason that was logged since the owner found the link in order.
  var lastComplaint = ""
  private var complaints = LogThrottle(burst: 10)
  let resolutions: Mailbox<Resolution>
  package private(set) var reconnects = 0

  /// Tells the owner what happens; set before `start`.
  package var onEvent: (Event) -> Void = { _ in }
  /// Replies that answer no command: what subscriptions deliver.
  package var onPush: (RedisReplyView) -> Void = { _ in }

  /// A link to where `locator` says at each attempt; `name` is what `CLIENT LIST` shows, `timeout` the milliseconds a
  /// connection or an answer may take. `security` is needed where its URLs have TLS.
  package init(
    by locator: any Locator, security: TLSContext? = nil, name: String, on loop: Loop, timeout: Int64, logger: Logger
  ) {
    self.locator = locator
    self.security = security
    self.name = name
    self.loop = loop
    self.timeout = timeout
    self.logger = logger
    resolutions = Mailbox(on: loop)
    // An answer may come when the link has been given up.
    resolutions.receive { [weak self] in self?.resolved($0) }
  }

  package var isConnected: Bool {
    if case .connected = state { true } else { false }
  }

  /// Version and certificate that TLS has agreed on; nil where there is none, or no connection.
  package var streamSecurity: ByteStream.Security? {
    if case .connected(let connection, _) = state { connection.stream.security } else { nil }
  }

  /// Begins to connect.
  package func start() {
    connect()
    _ = loop.schedule(after: Self.watchInterval, source: self, key: TimerKey.watch)
  }

  /// Closes for good; commands without an answer are reported as lost.
  package func stop() {
    let wasStopped = if case .stopped = state { true } else { false }
    guard !wasStopped else { return }
    disconnect()
    if let reconnectTimer { loop.cancel(reconnectTimer) }
    state = .stopped
    failPending()
  }

  /// Gives the connection up as useless and connects anew.
  package func reset(_ reason: String) {
    lose(reason, isUseless: true)
  }

  /// The server is at `url` now: what leads elsewhere is lost, and an attempt to come back follows at once. An attempt to
  /// connect elsewhere is given up for that one, and does not count as failed.
  package func leave(unless url: RedisURL, _ reason: String) {
    switch state {
    // It is just being asked where the server is.
    case .stopped, .locating: return
    case .waiting: if let reconnectTimer { loop.cancel(reconnectTimer) }
    case .resolving, .connecting, .securing, .introducing:
      guard target != url else { return }
      disconnect()
    case .connected:
      if target != url { lose(reason) }
      return
    }
    waitAndConnect(shortDelay)
    failPending()
  }

  /// Reads nothing until `resume`; what was read already still arrives.
  package func pause() {
    setPaused(true)
  }

  package func resume() {
    setPaused(false)
  }

  private func setPaused(_ paused: Bool) {
    guard paused != isPaused, case .connected(let connection, let registration) = state else { return }
    isPaused = paused
    watch(connection, registration)
  }

  /// The owner found the connection in order: when it is lost, the first attempt to come back follows at once.
  package func markHealthy() {
    isSettled = true
    hastyLosses = 0
    backoff.reset()
    guard !lastComplaint.isEmpty, let target else { return }
    logger.info("connected to \(locator.peer.subject) again", metadata: ["redis": "\(locator.peer.place(target))"])
    lastComplaint = ""
  }

  // MARK: Losing

  /// `isUseless`: the owner has found that this connection serves no purpose, so another one at once would not either.
  func lose(_ reason: String, isUseless: Bool = false) {
    switch state {
    case .stopped, .waiting: return
    case .locating, .resolving, .connecting, .securing, .introducing: return failAttempt(reason)
    case .connected: break
    }
    if isUseless { return failAttempt(reason) }
    if !isSettled {
      // Cut off before it was of use: that may happen again by chance, but not for ever.
      hastyLosses += 1
      if hastyLosses > Self.maxHastyLosses { return failAttempt(reason) }
    }
    disconnect()
    reconnects += 1
    logFailure(reason)
    waitAndConnect(shortDelay)
    failPending()
    onEvent(.lost(reason: reason))
  }

  func failAttempt(_ failure: String) {
    let reason = withPlace(failure)
    disconnect()
    logFailure(reason)
    waitAndConnect(Int64(backoff.next(using: &random)))
    failPending()
    onEvent(.unreachable(reason: reason))
  }

  /// The reason with the address in front, where the URL that was given does not have it.
  private func withPlace(_ reason: String) -> String {
    switch state {
    case .resolving, .connecting, .securing, .introducing:
      target.flatMap { locator.peer.named(at: $0) }.map { "\($0): \(reason)" } ?? reason
    case .stopped, .waiting, .locating, .connected: reason
    }
  }

  /// Logs a reason once, not at every attempt, and only so often when it comes and goes.
  private func logFailure(_ reason: String) {
    guard reason != lastComplaint, complaints.failed(now: loop.now) != nil else { return }
    lastComplaint = reason
    logger.warning(
      "\(locator.peer.subject) cannot be used: \(reason)", metadata: ["redis": "\(locator)", "link": "\(name)"])
  }

  /// Of many nodes that lose the same server not all come in the same moment.
  private var shortDelay: Int64 { Int64.random(in: 0...20, using: &random) }

  private func waitAndConnect(_ delay: Int64) {
    state = .waiting
    reconnectTimer = loop.schedule(after: delay, source: self, key: TimerKey.reconnect)
  }

  private func disconnect() {
    target = nil
    switch state {
    case .stopped, .waiting, .locating, .resolving: break
    case .connecting(let fd, let registration, _):
      loop.remove(registration, fd: fd)
      Sys.close(fd)
    case .securing(let connection, let registration, _), .introducing(let connection, let registration),
      .connected(let connection, let registration):
      loop.remove(registration, fd: connection.stream.fd)
      connection.close()
    }
  }

  private func failPending() {
    confirmations = 0
    let lost = pending
    pending = []
    for answer in lost { answer(.lost) }
  }
}

@available(*, unavailable)
extension RedisLink: Sendable {}
