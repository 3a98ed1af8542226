import Cluster
import Dispatch
import Locks
import Model
import Reactor
import Testing

extension NodeID {
  /// The id of a new node of that name.
  static func random(_ name: String) throws -> NodeID {
    var generator = SystemRandomNumberGenerator()
    guard let id = NodeID(name: name, using: &generator) else { throw Failure(name) }
    return id
  }
}

/// One node of a test: a broker on a loop of its own thread, and what it tells the loops it serves.
final class BrokerHarness: Sendable {
  let log: EventLog
  /// What the broker of the node has.
  let keyspaces: KeyspaceMap
  private let firstID: NodeID
  private let thread: LoopThread
  private let broker: LoopBound<any Broker>
  private let hasEnded = Lock(false)
  private let numbers = Lock<UInt32>(1_000_000)

  /// Starts the broker that `make` makes for that many loops; `id` is what the node is called at first.
  init(
    id: NodeID, loops: Int, keyspaces: KeyspaceMap = .one,
    _ make: @escaping @Sendable (Loop, any BrokerOutlet) -> any Broker
  ) throws {
    let log = EventLog(loops: loops)
    let made = Lock<LoopBound<any Broker>?>(nil)
    thread = try LoopThread.start("broker-test") { loop in
      let bound = LoopBound(make(loop, log), on: loop)
      made.withLock { $0 = bound }
      return bound
    }
    guard let broker = made.withLock({ $0 }) else { throw Failure("no broker was made") }
    self.broker = broker
    self.log = log
    self.keyspaces = keyspaces
    firstID = id
    broker.execute { $0.start() }
  }

  /// What the node is called now.
  var id: NodeID { log.identities().last ?? firstID }

  /// A number nobody else has, for sessions and markers.
  private func nextNumber() -> UInt32 {
    numbers.withLock { number in
      number += 1
      return number
    }
  }

  // MARK: Requests

  /// Tells the broker something as that loop does.
  func report(_ report: LoopReport, from loop: LoopIndex = 0) {
    broker.execute { $0.take(report, from: loop) }
  }

  /// Asks the broker as that loop does.
  func ask(_ question: Question, by asker: Asker, from loop: LoopIndex = 0) {
    broker.execute { $0.ask(question, by: .connection(asker, on: loop)) }
  }

  /// Asks by a command of the connection.
  private func ask(_ question: Question, by client: TestClient, id: String? = nil) {
    ask(question, by: .command(client.session, id.map { RequestID(json: $0) }), from: client.loop)
  }

  /// Returns when what was asked before has been written as far as the socket takes it.
  ///
  /// It blocks: a test that holds its Redis must not wait for its turn among the others, for the lease lasts 10 s.
  func flush() {
    let isWritten = DispatchSemaphore(value: 0)
    // The first turn writes at its end, hence before the second begins.
    for _ in 0..<2 where broker.execute({ _ in isWritten.signal() }) { isWritten.wait() }
  }

  func status() async -> BrokerStatus {
    await broker.ask { $0.status } ?? BrokerStatus()
  }

  /// Attaches a loop to the channel and waits for the answer.
  func attach(_ channel: ChannelName, from loop: LoopIndex = 0) async throws {
    let before = log.count(of: .attached(channel), on: loop)
    report(.attach(channel), from: loop)
    try await wait(until: { log.count(of: .attached(channel), on: loop) > before }, "no answer to attach \(channel)")
  }

  func publish(
    _ data: String, to channel: ChannelName, by client: TestClient, id: String? = nil, echo: Bool = true
  ) {
    let publication = Publication(
      channel: channel, event: .finished(client.message(data, in: channel)), excluded: echo ? nil : client.id)
    ask(.publish(publication), by: client, id: id)
  }

  /// Publishes to a channel that keeps history, or under a key.
  func publish(
    draft data: String, to channel: ChannelName, by client: TestClient, id: String? = nil, echo: Bool = true,
    keeping rule: HistoryRule? = HistoryRule(size: 100, timeToLive: 60_000), key: String? = nil
  ) {
    let publication = Publication(
      channel: channel, event: .draft(head: Array("{\"data\":\(data)".utf8), tail: []),
      excluded: echo ? nil : client.id, history: rule,
      key: key.map { IdempotencyKey(publisher: .anonymous(client.id), key: $0) })
    ask(.publish(publication), by: client, id: id)
  }

  /// What the channel's history answers.
  func read(_ channel: ChannelName, _ query: HistoryQuery, by client: TestClient) async throws -> HistoryAnswer {
    let before = log.histories(of: client.session, on: client.loop).count
    ask(.history(channel, query), by: client)
    try await wait(
      until: { log.histories(of: client.session, on: client.loop).count > before }, "no answer to a read of \(channel)")
    return log.histories(of: client.session, on: client.loop)[before]
  }

  /// Enters the connection without waiting for the answer.
  func sendEnter(
    _ client: TestClient, _ channel: ChannelName, _ mode: PresenceMode = .member, info: String? = nil
  ) {
    ask(
      .enter(client.memberConnection(info: info), channel, mode), by: .subscribe(client.session, channel, attempt: 0),
      from: client.loop)
  }

  /// Enters the connection and waits for the answer.
  @discardableResult
  func enter(
    _ client: TestClient, _ channel: ChannelName, _ mode: PresenceMode = .member, info: String? = nil
  ) async throws -> RosterAnswer {
    let answers = { self.log.enterAnswers(to: client.session, in: channel, on: client.loop) }
    let before = answers().count
    sendEnter(client, channel, mode, info: info)
    try await wait(until: { answers().count > before }, "no answer to enter \(channel)")
    return answers()[before]
  }

  func leave(_ client: TestClient, _ channel: ChannelName, lost: Bool = false) {
    report(.leave(client.id, channel, lost: lost), from: client.loop)
  }

  /// Tells of the connection as a loop does when it has been opened.
  func connect(_ client: TestClient) {
    report(.connected(client.connection), from: client.loop)
  }

  /// Tells that the connection is gone.
  func disconnect(_ client: TestClient) {
    report(.disconnected(client.id, client.user), from: client.loop)
  }

  /// Waits until the loops are asked for their connections that often, and answers as loops with these do, in batches.
  func reportOpen(_ clients: [TestClient], time: Int = 1, batch: Int = 3) async throws {
    for loop in 0..<log.loopCount {
      for keyspace in 0..<keyspaces.count {
        let own = clients.filter { $0.loop == loop && keyspaces.index(of: $0.user, $0.id) == keyspace }
        try await reportOpen(own, to: keyspace, from: loop, time, batch)
      }
    }
  }

  private func reportOpen(
    _ own: [TestClient], to keyspace: KeyspaceIndex, from loop: LoopIndex, _ time: Int, _ batch: Int
  ) async throws {
    try await wait(
      until: { log.count(of: .register(keyspace, .everybody), on: loop) >= time }, "loop \(loop) was never asked")
    var start = 0
    repeat {
      let end = min(start + batch, own.count)
      let asked = log.count(of: .reportConnections(keyspace, from: UInt32(end)), on: loop)
      let next = end < own.count ? UInt32(end) : nil
      report(.openConnections(keyspace, own[start..<end].map(\.connection), next: next), from: loop)
      if next != nil {
        try await wait(
          until: { log.count(of: .reportConnections(keyspace, from: UInt32(end)), on: loop) > asked },
          "the next was never asked for")
      }
      start = end
    } while start < own.count
  }

  /// Sends data, JSON text, to the user in the name of the connection.
  func send(_ data: String, to user: UserName, by client: TestClient, id: String? = nil) {
    ask(.send(client.direct(data), to: .user(user)), by: client, id: id)
  }

  /// Sends to several users in one turn of the loop: no answer comes in between.
  func sendAtOnce(_ messages: [(data: String, user: UserName)], by client: TestClient) {
    let questions = messages.enumerated().map { number, message in
      (
        Question.send(client.direct(message.data), to: .user(message.user)),
        Caller.connection(.command(client.session, RequestID(json: "\(number)")), on: client.loop)
      )
    }
    broker.execute { broker in
      for (question, caller) in questions { broker.ask(question, by: caller) }
    }
  }

  /// Sends to one user, and waits for the answer.
  func sent(_ data: String, to user: UserName, by client: TestClient) async throws -> SendAnswer {
    let answers = { self.log.sendAnswers(to: client.session, on: client.loop) }
    let before = answers().count
    send(data, to: user, by: client, id: "1")
    try await wait(until: { answers().count > before }, "no answer to send")
    return answers()[before]
  }

  /// Sends data and expects that answer.
  func expect(
    _ answer: SendAnswer, sending data: String, to user: UserName, by client: TestClient,
    at sourceLocation: SourceLocation = #_sourceLocation
  ) async throws {
    let found = try await sent(data, to: user, by: client)
    #expect(found == answer, sourceLocation: sourceLocation)
  }

  /// Sends a notification as the API does, and waits for the answer.
  func notify(_ data: String, _ addressee: Addressee) async throws -> SendAnswer? {
    SendAnswer(try await ask(.send(.notification(data: Array(data.utf8)), to: addressee)))
  }

  /// Asks as the control plane does, and waits for the answer.
  func ask(_ question: Question) async throws -> HeardAnswer {
    let number = sendAsk(question)
    try await wait(until: { log.controlAnswer(number) != nil }, "no answer to \(question)")
    return try #require(log.controlAnswer(number))
  }

  /// The same without waiting; the number of the answer in the log.
  func sendAsk(_ question: Question) -> UInt64 {
    let number = UInt64(nextNumber())
    broker.execute { $0.ask(question, by: .control(number)) }
    return number
  }

  /// Asks who is in the channel and waits for the answer.
  func roster(_ channel: ChannelName, onlyCount: Bool = false) async throws -> RosterAnswer {
    let client = TestClient(nextNumber())
    ask(.presence(channel, onlyCount: onlyCount), by: client)
    try await wait(until: { !log.queryAnswers(to: client.session).isEmpty }, "no answer to a query of \(channel)")
    return log.queryAnswers(to: client.session)[0]
  }

  /// Asks who is in the channel and expects that summary.
  func expectRoster(
    _ channel: ChannelName, _ expected: String, at sourceLocation: SourceLocation = #_sourceLocation
  ) async throws {
    let summary = try await roster(channel).summary
    #expect(summary == expected, sourceLocation: sourceLocation)
  }

  /// Returns when everything asked of this node before has been carried out and told: a message published now, behind
  /// it in the channel's order, has reached the first loop of each of the nodes, which must be attached.
  func settle(_ channel: ChannelName, heardBy others: BrokerHarness...) async throws {
    let client = TestClient(nextNumber())
    let data = "\"\(id) \(client.id)\""
    publish(data, to: channel, by: client)
    for node in [self] + others {
      try await wait(
        until: { node.log.messages(in: channel).contains(client.text(data, in: channel)) },
        "a message in \(channel) never came")
    }
  }

  // MARK: The end

  /// Ends the node in order.
  func stop() async {
    guard !hadEnded() else { return }
    await withCheckedContinuation { continuation in
      let accepted = broker.execute { $0.stop { continuation.resume() } }
      if !accepted { continuation.resume() }
    }
    thread.stop()
  }

  /// Ends the node's thread where it stands: to the rest of the cluster it is dead.
  func halt() {
    guard !hadEnded() else { return }
    thread.stop()
  }

  private func hadEnded() -> Bool {
    hasEnded.withLock { ended in
      defer { ended = true }
      return ended
    }
  }
}
