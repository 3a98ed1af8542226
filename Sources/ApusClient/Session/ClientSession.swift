import JSON
import Model
import Protocol

/// What a client does over all its connections, without I/O: subscribes again after each lost one, asks for what it
/// missed, waits longer after each failure, and notices when a connection is dead.
///
/// Events go in, `SessionAction`s come out; time is in milliseconds of any clock. The owner calls `timeout` at
/// `deadline`.
struct ClientSession {
  enum State: Equatable {
    case idle
    /// Between two connections: the program is asked for the next one's token.
    case askingForToken
    case connecting
    /// The WebSocket is open, and the node has not said `connected` yet.
    case greeting
    case open
    case waiting(until: Int64)
    case finished
  }

  /// A channel the program wants.
  struct Wanted {
    let channel: String
    var presence: Presence
    var info: String?
    /// Where the channel's history was read last.
    var position: Position?
    /// From which moment on the program wants it, in milliseconds since 1970, as long as there is no position.
    var moment: Int?
    /// The newest subscribe command for it on this connection; answers to earlier ones say nothing any more.
    var asked: RequestNumber?
    /// Whether its messages arrive on this connection.
    var isLive = false
    /// Whether they arrived on an earlier one, so that a gap can be.
    var wasLive = false
    /// The program's request that waits for the confirmation.
    var request: RequestNumber?
    /// When to ask again after a refusal that may pass.
    var retryAt: Int64?
  }

  /// Used until the node tells its own, in milliseconds.
  private static let defaultPingInterval: Int64 = 25_000
  /// How long the node may take to say `connected`.
  private static let greetingTime: Int64 = 10_000
  /// When to ask again for a channel that was refused for the time being.
  static let subscribeRetry: Int64 = 2_000
  /// A connection that lasted so long was of use, and the next attempt need not wait.
  private static let lasting: Int64 = 5_000
  /// How long commands under way may hold up the move to another node, and how often that is looked at.
  private static let moveGrace: Int64 = 1_000
  private static let moveCheck: Int64 = 20

  var state = State.idle
  /// Why nothing is done any more, once it is over.
  private(set) var end = ApusClientError(.closed, "The client was closed.")
  /// In the order in which they were asked for.
  var wanted: [Wanted] = []
  var pending: [RequestNumber: Pending] = [:]
  private var lastRequest = 0
  private var backoff = Backoff()
  private var random: any RandomNumberGenerator & Sendable
  /// Whether a connection was ever made: before that a failure is the program's to deal with.
  private var wasConnected = false
  private var openRequest: RequestNumber?
  /// Whether the program gives a token when it is asked.
  let renewsToken: Bool
  var isAskingForToken = false
  /// What the connection runs by, or is made with.
  var token: ClientToken?
  /// What the node has said against the token on this connection.
  var objection: ApusClientError?
  /// A token that no connection is to be had with any more, and why; nil again when there is a connection.
  private(set) var rejection: (token: ClientToken?, error: ApusClientError)?
  /// The node's first words, as long as it may yet refuse the token.
  private var greeting: JSONObject?
  private var pingInterval = ClientSession.defaultPingInterval
  /// The longest message the node takes, in bytes.
  private(set) var maxMessageSize = Int.max
  private var heard: Int64 = 0
  private var nextPing: Int64 = 0
  private var openedAt: Int64 = 0
  /// When to be elsewhere, because the node goes away; and the same with the grace for what is under way.
  private var moveAt: Int64?
  private var moveLimit: Int64 = 0

  init(renewsToken: Bool = false, random: any RandomNumberGenerator & Sendable = SystemRandomNumberGenerator()) {
    self.renewsToken = renewsToken
    self.random = random
  }

  func wantedIndex(of channel: String) -> Int? {
    wanted.firstIndex { $0.channel == channel }
  }

  mutating func nextRequest() -> RequestNumber {
    lastRequest += 1
    return lastRequest
  }

  // MARK: Connections

  /// Begins; the request is answered when the first connection is made or has failed.
  mutating func start(_ request: RequestNumber, token: ClientToken? = nil) -> [SessionAction] {
    openRequest = request
    self.token = token
    state = .connecting
    return [.connect(token: token)]
  }

  /// The WebSocket is open.
  mutating func opened(now: Int64) {
    guard state == .connecting else { return }
    state = .greeting
    heard = now
    greeting = nil
    objection = nil
  }

  /// Anything came from the node, or the program does not want to hear more just now.
  mutating func heard(now: Int64) {
    heard = now
  }

  mutating func lost(_ loss: ConnectionLoss, now: Int64) -> [SessionAction] {
    guard state != .finished, state != .idle else { return [] }
    let error = error(loss)
    guard wasConnected, mayTryAgain(loss) else { return finish(error) }
    if loss.isForToken { rejection = (token, error) }
    if case .refused(_, .some(let retryAfter)) = loss { return tryAgain(error, atLeastAfter: retryAfter, now: now) }
    return tryAgain(error, now: now)
  }

  /// Tells the program, and waits for the next attempt.
  mutating func tryAgain(_ error: ApusClientError, atLeastAfter least: Int64 = 0, now: Int64) -> [SessionAction] {
    var delay = max(backoff.next(using: &random), least)
    // A node that goes away has said when to come back.
    if let moveAt { delay = max(moveAt - now, pauseAfterMove(delay, now: now)) }
    let failures = failPending()
    state = .waiting(until: now + delay)
    return failures + [.tell(.disconnected(error, retryAfter: Int(delay)))]
  }

  /// The program has had enough.
  mutating func close() -> [SessionAction] {
    guard state != .finished else { return [] }
    return finish(nil)
  }

  mutating func finish(_ error: ApusClientError?) -> [SessionAction] {
    let reason = error ?? end
    end = reason
    var actions: [SessionAction] = [.disconnect]
    actions += failPending()
    for index in wanted.indices {
      if let request = wanted[index].request { actions.append(.answer(request, .failure(reason))) }
    }
    if let openRequest { actions.append(.answer(openRequest, .failure(reason))) }
    openRequest = nil
    wanted = []
    state = .finished
    return actions + [.finish(error)]
  }

  /// Forgets what the connection was asked; what is wanted for good stays so.
  private mutating func failPending() -> [SessionAction] {
    let lost = pending.sorted { $0.key < $1.key }
    pending = [:]
    moveAt = nil
    for index in wanted.indices {
      wanted[index].retryAt = nil
      wanted[index].asked = nil
      wanted[index].wasLive = wanted[index].wasLive || wanted[index].isLive
      wanted[index].isLive = false
    }
    return lost.compactMap { request, what in
      switch what {
      case .subscribe, .authenticate: return nil
      // A channel that is not wanted any more is not asked for again, and so is left.
      case .unsubscribe: return .answer(request, .success(.unsubscribed))
      case .publish, .presence:
        let words = "The connection was lost before the node answered: it may or may not have been done."
        return .answer(request, .failure(ApusClientError(.outcomeUnknown, words)))
      }
    }
  }

  // MARK: Time

  /// When to call `timeout`; nil while nothing is due.
  var deadline: Int64? {
    switch state {
    case .idle, .askingForToken, .connecting, .finished: nil
    case .greeting: heard + Self.greetingTime
    case .waiting(let until): until
    case .open: wanted.reduce(min(nextPing, moveAt ?? nextPing)) { min($0, $1.retryAt ?? $0) }
    }
  }

  mutating func timeout(now: Int64) -> [SessionAction] {
    guard let deadline, deadline <= now else { return [] }
    switch state {
    case .idle, .askingForToken, .connecting, .finished: return []
    case .greeting: return [.disconnect] + lost(.broken("The node sent nothing for 10 s."), now: now)
    case .waiting: return connect()
    case .open: return keepUp(now: now)
    }
  }

  private mutating func keepUp(now: Int64) -> [SessionAction] {
    if let moveAt, moveAt <= now {
      if pending.isEmpty || moveLimit <= now { return move(now: now) }
      self.moveAt = min(now + Self.moveCheck, moveLimit)
    }
    var actions: [SessionAction] = []
    if nextPing <= now {
      // Dead without having been closed: a ping brings nothing back.
      guard (now - heard) * 2 <= pingInterval * 5 else {
        return [.disconnect] + lost(.broken("The node has been silent for \((now - heard) / 1000) s."), now: now)
      }
      nextPing = now + pingInterval
      actions.append(.send(CommandEncoder.ping))
    }
    for entry in wanted {
      guard let retryAt = entry.retryAt, retryAt <= now else { continue }
      actions += subscribe(entry.channel)
    }
    return actions
  }

  private mutating func move(now: Int64) -> [SessionAction] {
    let delay = pauseAfterMove(backoff.next(using: &random), now: now)
    let failures = failPending()
    let error = ApusClientError(.notConnected, "The node is restarting.")
    let told: [SessionAction] = [.disconnect] + failures + [.tell(.disconnected(error, retryAfter: Int(delay)))]
    guard delay > 0 else { return told + connect() }
    state = .waiting(until: now + delay)
    return told
  }

  /// No pause after a connection that was of use; otherwise a node that sends everybody away would be flooded.
  private func pauseAfterMove(_ delay: Int64, now: Int64) -> Int64 {
    now - openedAt >= Self.lasting ? 0 : max(delay, 100)
  }

  // MARK: What the node says of the connection

  mutating func connected(_ event: JSONObject, now: Int64) -> [SessionAction] {
    guard state == .greeting else { return [] }
    // A node that will not have the token greets nobody in particular, says why and closes. One that asks nobody for
    // tokens greets in the same way, and answers.
    if token != nil, event.string("user") == nil {
      greeting = event
      return [.send(CommandEncoder.ping)]
    }
    return takenIn(event, now: now)
  }

  /// The node has answered a ping.
  mutating func answered(now: Int64) -> [SessionAction] {
    wasOfUse()
    guard state == .greeting, let greeting else { return [] }
    return takenIn(greeting, now: now)
  }

  private mutating func takenIn(_ event: JSONObject, now: Int64) -> [SessionAction] {
    state = .open
    wasConnected = true
    rejection = nil
    openedAt = now
    if let interval = event.integer("pingInterval") { pingInterval = Int64(max(1_000, min(interval, 3_600_000))) }
    maxMessageSize = event.integer("maxMessageSize").flatMap { $0 > 0 ? $0 : nil } ?? .max
    nextPing = now + pingInterval
    let welcome = Welcome(
      clientID: event.string("clientId") ?? "", node: event.string("node") ?? "", user: event.string("user"))
    var actions: [SessionAction] = [.tell(.connected(welcome))]
    if let openRequest { actions.append(.answer(openRequest, .success(.connected))) }
    openRequest = nil
    // With nothing to subscribe to, this is all that shows the node to be of use.
    if wanted.isEmpty { backoff.reset() }
    for channel in wanted.map(\.channel) { actions += subscribe(channel) }
    return actions
  }

  mutating func draining(after: Int, now: Int64) -> [SessionAction] {
    let moment = now + Int64(max(0, min(after, 3_600_000)))
    moveAt = moment
    moveLimit = moment + Self.moveGrace
    return [.tell(.draining(after: after))]
  }

  mutating func wasOfUse() {
    backoff.reset()
  }
}
