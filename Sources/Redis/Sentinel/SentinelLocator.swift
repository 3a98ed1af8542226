import Logging
import Reactor
import TLS

/// Asks Sentinels where the primary is: before each attempt of a link to connect, and again and again while it is connected.
///
/// Holds a link to each of them, which comes back by itself. Both links of a server share one locator.
package final class SentinelLocator: Locator {
  private let url: SentinelURL
  private let links: [RedisLink]
  private unowned let loop: Loop
  private let logger: Logger
  private var poll: SentinelPoll
  private var waiting: [(Result<RedisURL, NoLocation>) -> Void] = []
  private var ticker: Ticker?
  /// When it was told last that too few name another primary.
  private var doubts = LogThrottle()
  /// When it was told last that none names the primary.
  private var silences = LogThrottle()
  private var isSilenceTold = false

  /// The primary is another one: what leads elsewhere is of no use, for that reason. Set before `start`.
  package var onMove: (RedisURL, _ reason: String) -> Void = { _, _ in }

  package let peer = LinkPeer.primary

  /// `name` is what Sentinels are told, `timeout` the milliseconds a connection to one or an answer may take.
  package init(
    _ url: SentinelURL, security: TLSContext?, name: String, on loop: Loop, timeout: Int64, logger: Logger
  ) {
    self.url = url
    self.loop = loop
    self.logger = logger
    poll = SentinelPoll(places: url.sentinels.map(\.address), name: url.name)
    links = url.sentinels.map { sentinel in
      RedisLink(
        by: FixedLocator(sentinel, peer: .sentinel), security: security, name: name, on: loop, timeout: timeout,
        logger: logger)
    }
  }

  package var description: String { url.description }
  /// How many Sentinels answer.
  package var answering: Int { poll.answering }
  package var overdue: String { "no Sentinel has answered" }

  package func start() {
    for (index, link) in links.enumerated() {
      link.onEvent = { [unowned self] in changed(index, $0) }
      link.start()
    }
    ticker = Ticker(on: loop, every: 100) { [unowned self] in act(poll.tick(now: loop.now)) }
  }

  package func stop() {
    ticker?.stop()
    for link in links { link.stop() }
    waiting = []
  }

  package func locate(_ answer: @escaping (Result<RedisURL, NoLocation>) -> Void) {
    waiting.append(answer)
    act(poll.locate(now: loop.now))
  }

  /// The primary in use may be an old one: asks all Sentinels.
  package func doubt() {
    act(poll.doubt(now: loop.now))
  }

  private func changed(_ index: Int, _ event: RedisLink.Event) {
    switch event {
    case .connected: act(poll.connected(index, now: loop.now))
    case .lost: poll.lost(index)
    case .unreachable(let reason): act(poll.unreachable(index, reason, now: loop.now))
    }
  }

  private func act(_ actions: [SentinelPoll.Action]) {
    for action in actions {
      switch action {
      case .ask(let index, let number, let withEpoch): ask(index, number, withEpoch: withEpoch)
      case .found(let address): answer(.success(url.primary(at: address)))
      case .notFound(let reason): answer(.failure(NoLocation(reason: reason)))
      case .moved(let address):
        logger.notice("the Sentinels name another primary", metadata: ["redis": "\(url)", "primary": "\(address)"])
        onMove(url.primary(at: address), "the Sentinels name another primary, \(address)")
      case .doubtful(let reason): tellDoubt(reason)
      case .unheard(let reason): tellSilence(reason)
      case .heard: tellEndOfSilence()
      }
    }
  }

  private func answer(_ result: Result<RedisURL, NoLocation>) {
    let waiting = waiting
    self.waiting = []
    for answer in waiting { answer(result) }
  }

  /// A link that is lost before it has answered says so by itself.
  private func ask(_ index: Int, _ number: UInt64, withEpoch: Bool) {
    let link = links[index]
    var epoch: Int?
    if withEpoch {
      _ = link.send(SentinelDetails.question(url.name)) { outcome in
        if case .reply(let reply) = outcome { epoch = SentinelDetails(reply).epoch }
      }
    }
    _ = link.send(SentinelAnswer.addressQuestion(url.name)) { [unowned self] outcome in
      guard case .reply(let reply) = outcome else { return }
      let answer = SentinelAnswer(reply, epoch: epoch)
      if case .refused = answer {} else { link.markHealthy() }
      act(poll.answered(index, answer, number: number, now: loop.now))
    }
  }

  // MARK: Telling

  private func tellDoubt(_ reason: String) {
    guard doubts.failed(now: loop.now) != nil else { return }
    logger.warning("\(reason)", metadata: ["redis": "\(url)"])
  }

  private func tellSilence(_ reason: String) {
    guard silences.failed(now: loop.now) != nil else { return }
    isSilenceTold = true
    logger.warning("\(reason); the connection stays", metadata: ["redis": "\(url)"])
  }

  private func tellEndOfSilence() {
    guard isSilenceTold else { return }
    isSilenceTold = false
    logger.info("a Sentinel names the primary again", metadata: ["redis": "\(url)"])
  }
}

@available(*, unavailable)
extension SentinelLocator: Sendable {}
