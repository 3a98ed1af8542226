import DequeModule
import Reactor

/// The shell around a `ClientSession`, on the client's loop: does what it says with a connection, a timer, and the program.
final class ClientRunner: EventSource {
  typealias Answer = (Result<SessionReply, ApusClientError>) -> Void

  private let url: ClientURL
  private let loop: Loop
  private let lookup: HostLookup
  private let queue: EventQueue
  private let onText: ((String) -> Void)?
  /// Nil when there is nobody to ask for tokens.
  private var tokens: TokenSource?
  private var session: ClientSession
  private var connection: ClientConnection?
  /// Tells the present connection's events from those of earlier ones.
  private var connectionNumber = 0
  private var timer: TimerID?
  private var answers: [RequestNumber: Answer] = [:]
  private var actions: Deque<SessionAction> = []
  private var isPerforming = false
  /// Whether the program has more than enough to take.
  private var isHeldBack = false

  init(
    _ url: ClientURL, _ provider: TokenProvider?, on loop: Loop, _ queue: EventQueue, onText: ((String) -> Void)?
  ) {
    self.url = url
    self.loop = loop
    lookup = HostLookup(on: loop)
    self.queue = queue
    self.onText = onText
    session = ClientSession(renewsToken: provider != nil)
    guard let provider else { return }
    // An answer may come after everybody else is done with the runner.
    tokens = TokenSource(provider, on: loop) { [weak self] answer in
      guard let self else { return }
      perform(session.tokenArrived(answer, now: loop.now))
    }
  }

  /// Asks the session for the program.
  func request(_ question: (inout ClientSession, RequestNumber) -> [SessionAction], _ answer: @escaping Answer) {
    let number = session.nextRequest()
    answers[number] = answer
    perform(question(&session, number))
  }

  /// The program has taken what waited.
  func resume() {
    isHeldBack = false
    session.heard(now: loop.now)
    connection?.resume()
  }

  func close() {
    perform(session.close())
  }

  // MARK: Events

  private func happened(_ event: ClientConnection.Event, _ number: Int) {
    guard number == connectionNumber else { return }
    switch event {
    case .opened:
      session.opened(now: loop.now)
      schedule()
    case .text(let bytes):
      let text = String(decoding: bytes, as: UTF8.self)
      onText?(text)
      perform(session.received(text, now: loop.now))
    case .binary(let bytes): perform(session.received(binary: bytes, now: loop.now))
    case .heard: session.heard(now: loop.now)
    case .ended(let loss):
      connection = nil
      perform(session.lost(loss, now: loop.now))
    }
  }

  func ready(_ readiness: Readiness, key: UInt32) {}

  func expired(key: UInt32) {
    timer = nil
    // What was not read cannot have been heard.
    if isHeldBack { session.heard(now: loop.now) }
    perform(session.timeout(now: loop.now))
  }

  // MARK: Actions

  /// Does what the session wants; what happens meanwhile is done afterwards, in order.
  private func perform(_ wanted: [SessionAction]) {
    actions.append(contentsOf: wanted)
    guard !isPerforming else { return }
    isPerforming = true
    while let action = actions.popFirst() { perform(action) }
    isPerforming = false
    schedule()
  }

  private func perform(_ action: SessionAction) {
    switch action {
    case .askForToken: tokens?.ask()
    case .connect(let token):
      connectionNumber += 1
      let number = connectionNumber
      // Looked up anew each time: after a failover the name may lead elsewhere.
      lookup.find(url) { [unowned self] in found($0, token, number) }
    case .send(let text): connection?.send(text)
    case .disconnect:
      // What the connection still has to tell is nobody's business any more.
      connectionNumber += 1
      connection?.close()
      connection = nil
    case .tell(let event):
      if !queue.add(event), !isHeldBack {
        isHeldBack = true
        connection?.pause()
      }
    case .answer(let number, let result): answers.removeValue(forKey: number)?(result)
    case .finish(let error):
      tokens?.cancel()
      queue.finish(error)
    }
  }

  private func found(_ addresses: Result<[SocketAddress], ResolveError>, _ token: ClientToken?, _ number: Int) {
    guard number == connectionNumber else { return }
    switch addresses {
    case .success(let addresses):
      let connection = ClientConnection(url, token: token, at: addresses, on: loop) { [unowned self] in
        happened($0, number)
      }
      self.connection = connection
      if isHeldBack { connection.pause() }
      connection.start()
    case .failure(let error): perform(session.lost(.broken("\(url.host): \(error)."), now: loop.now))
    }
  }

  private func schedule() {
    if let timer { loop.cancel(timer) }
    timer = session.deadline.map { loop.schedule(after: $0 - loop.now, source: self) }
  }
}

@available(*, unavailable)
extension ClientRunner: Sendable {}
