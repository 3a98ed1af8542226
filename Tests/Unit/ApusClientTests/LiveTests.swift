import ApusClient
import Foundation
import Testing

/// The client against a real server.
@Suite struct LiveTests {
  /// The next event that `choose` makes something of; ends the test when events do.
  private func next<Value>(
    _ events: inout ClientEvents.Iterator, _ choose: (ClientEvent) -> Value?
  ) async throws -> Value {
    while let event = try await events.next() {
      if let value = choose(event) { return value }
    }
    throw CancellationError()
  }

  private func data(_ event: ClientEvent) -> String? {
    if case .message(let message) = event { message.data } else { nil }
  }

  @Test(.timeLimit(.minutes(1))) func whatIsPublishedArrives() async throws {
    let server = try OwnServer.start()
    let client = try await ApusClient.connect(to: server.url + "?user=alice")
    try await client.subscribe("room", presence: .member, info: #"{"mood":"fine"}"#)
    for number in 0..<1000 { try await client.publish("[\(number)]", to: "room") }
    var events = client.events.makeAsyncIterator()
    for number in 0..<1000 { #expect(try await next(&events, data) == "[\(number)]") }
    let members = try await client.members(of: "room")
    #expect(members.map(\.user) == ["alice"])
    #expect(members.first?.info == #"{"mood":"fine"}"#)
    #expect(try await client.count(of: "room") == 1)
    try await client.unsubscribe("room")
    #expect(try await client.count(of: "room") == 0)
    client.close()
    #expect(try await events.next() == nil)
    await server.stop()
  }

  /// A room that is too large must not pass for an empty one.
  @Test(.timeLimit(.minutes(1))) func membersThatAreTooManyAreThrown() async throws {
    let server = try OwnServer.start(maxRosterBytes: 1100)
    let client = try await ApusClient.connect(to: server.url + "?user=alice")
    #expect(try await client.members(of: "room") == [])
    try await client.subscribe("room", presence: .member, info: "\"\(String(repeating: "x", count: 100))\"")
    do {
      _ = try await client.members(of: "room")
      Issue.record("members that are not told")
    } catch let error as ApusClientError {
      #expect(error.code == .tooManyMembers)
    }
    #expect(try await client.count(of: "room") == 1)
    client.close()
    await server.stop()
  }

  @Test(.timeLimit(.minutes(1))) func refusalsAreThrown() async throws {
    let server = try OwnServer.start()
    let client = try await ApusClient.connect(to: server.url)
    await #expect(throws: ApusClientError.self) { try await client.subscribe("no spaces") }
    await #expect(throws: ApusClientError.self) { try await client.publish("{", to: "room") }
    await server.stop()
  }

  @Test(.timeLimit(.minutes(1))) func whereNobodyListensConnectingFails() async throws {
    let server = try OwnServer.start()
    await server.stop()
    do {
      _ = try await ApusClient.connect(to: server.url)
      Issue.record("connected to nobody")
    } catch let error as ApusClientError {
      #expect(error.code == .notConnected)
      #expect(error.description.contains("Does a node run there?"))
    }
  }

  @Test(.timeLimit(.minutes(2))) func aNodeThatDiesAndComesBackIsFoundAgain() async throws {
    let first = try OwnServer.start()
    let client = try await ApusClient.connect(to: first.url)
    try await client.subscribe("room")
    var events = client.events.makeAsyncIterator()
    await first.stop()
    try await next(&events) { if case .disconnected = $0 { () } else { nil } }
    await #expect(throws: ApusClientError.self) { try await client.publish("1", to: "room") }
    let second = try OwnServer.start(port: first.port)
    while true {
      try await next(&events) { if case .gap(channel: "room") = $0 { () } else { nil } }
      // The first node's other loop may have taken the client for a moment before it ended as well.
      do { try await client.publish("2", to: "room") } catch let error as ApusClientError
        where error.code == .notConnected
      {
        continue
      }
      break
    }
    #expect(try await next(&events, data) == "2")
    await second.stop()
  }

  @Test(.timeLimit(.minutes(2))) func aDrainingNodeIsLeftInTime() async throws {
    let server = try OwnServer.start()
    let client = try await ApusClient.connect(to: server.url)
    var events = client.events.makeAsyncIterator()
    await server.drain(window: 100)
    try await next(&events) { if case .draining = $0 { () } else { nil } }
    try await next(&events) { if case .disconnected = $0 { () } else { nil } }
    await server.stop()
  }

  /// More than the queue of events and the sockets hold: the client stops to read, the rest waits at the node, and
  /// nothing is lost as long as that has room for it.
  @Test(.timeLimit(.minutes(2))) func aSlowProgramHoldsBackTheNode() async throws {
    let server = try OwnServer.start(maxOutbox: 64 << 20)
    let client = try await ApusClient.connect(to: server.url)
    let publisher = try await ApusClient.connect(to: server.url)
    try await client.subscribe("room")
    let filling = String(repeating: "x", count: 10_000)
    for number in 0..<4000 { try await publisher.publish(#"["\#(filling)",\#(number)]"#, to: "room") }
    while await server.outboxBytes < 1 << 20 { try await Task.sleep(for: .milliseconds(10)) }
    var events = client.events.makeAsyncIterator()
    for number in 0..<4000 { #expect(try await next(&events, data)?.hasSuffix(",\(number)]") == true) }
    await server.stop()
  }

  /// What a client holds of the system is given back when nobody holds the client.
  @Test(.timeLimit(.minutes(2))) func clientsLeaveNothingBehind() async throws {
    let server = try OwnServer.start()
    func descriptors() throws -> Int { try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count }
    func threads() throws -> Int { try FileManager.default.contentsOfDirectory(atPath: "/proc/self/task").count }
    let before = (try descriptors(), try threads())
    for _ in 0..<100 {
      let client = try await ApusClient.connect(to: server.url)
      try await client.subscribe("room")
    }
    // Other tests run beside this one and come and go.
    while try descriptors() > before.0 + 100 || threads() > before.1 + 50 {
      try await Task.sleep(for: .milliseconds(20))
    }
    await server.stop()
  }

  @Test(.timeLimit(.minutes(1))) func eventsKeepTheClientAlive() async throws {
    let server = try OwnServer.start()
    let publisher = try await ApusClient.connect(to: server.url)
    func events() async throws -> ClientEvents {
      let client = try await ApusClient.connect(to: server.url)
      try await client.subscribe("room")
      return client.events
    }
    var iterator = try await events().makeAsyncIterator()
    try await publisher.publish("1", to: "room")
    #expect(try await next(&iterator, data) == "1")
    await server.stop()
  }

  @Test(.timeLimit(.minutes(1))) func aCancelledTaskWaitsNoLonger() async throws {
    let server = try OwnServer.start()
    let client = try await ApusClient.connect(to: server.url)
    try await client.subscribe("room")
    let waiting = Task {
      var events = client.events.makeAsyncIterator()
      while let event = try await events.next() { if data(event) == "never" { return } }
    }
    waiting.cancel()
    await #expect(throws: CancellationError.self) { try await waiting.value }
    // The next who asks gets what comes.
    try await client.publish("1", to: "room")
    var events = client.events.makeAsyncIterator()
    #expect(try await next(&events, data) == "1")
    await server.stop()
  }
}
