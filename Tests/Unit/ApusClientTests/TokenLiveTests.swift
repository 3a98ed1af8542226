import ApusClient
import Locks
import Model
import Protocol
import Reactor
import Testing
import WebSocket

/// Tokens on real connections.
@Suite struct TokenLiveTests {
  private struct LoggedOut: Error {}

  /// A provider of `t.1`, `t.2`, and so on, and how many it has given.
  private final class Tokens: Sendable {
    private let given = Lock(0)

    var count: Int { given.withLock { $0 } }

    @Sendable func next() async throws -> String {
      await Task.yield()
      return given.withLock { given in
        given += 1
        return "t.\(given)"
      }
    }
  }

  @Test(.timeLimit(.minutes(1))) func tokensAreShownAndRenewedAndReplaced() async throws {
    let node = try ScriptedNode()
    let tokens = Tokens()
    async let connecting = ApusClient.connect(to: node.url, token: tokens.next)
    var connection = try await node.accept()
    #expect(connection.subprotocols == "apus.v1, auth.t.1")
    connection.greet("alice")
    let client = try await connecting
    connection.say(#"{"type":"expiring","in":30000}"#)
    #expect(try await connection.hear().hasSuffix(#","token":"t.2"}"#))
    connection.close(.tokenExpired)
    connection = try await node.accept()
    #expect(connection.subprotocols == "apus.v1, auth.t.3")
    connection.greet("alice")
    var events = client.events.makeAsyncIterator()
    var welcomes: [String?] = []
    while welcomes.count < 2, let event = try await events.next() {
      if case .connected(let welcome) = event { welcomes.append(welcome.user) }
    }
    #expect(welcomes == ["alice", "alice"])
  }

  @Test(.timeLimit(.minutes(1))) func aTokenThatIsRefusedIsThrown() async throws {
    let node = try ScriptedNode()
    async let connecting = ApusClient.connect(to: node.url) { "t.1" }
    let connection = try await node.accept()
    connection.greet(nil)
    connection.say(#"{"type":"error","code":"invalid_token","error":"Who signed that?","temporary":false}"#)
    connection.close(.unauthenticated)
    do {
      _ = try await connecting
      Issue.record("connected")
    } catch let error as ApusClientError {
      #expect(error.code == .init("invalid_token"))
      #expect(error.description == "Who signed that?")
    }
  }

  @Test(.timeLimit(.minutes(1))) func aTokenThatNeverChangesEndsWithItsTime() async throws {
    let node = try ScriptedNode()
    async let connecting = ApusClient.connect(to: node.url) { "t.1" }
    let connection = try await node.accept()
    connection.greet("alice")
    let client = try await connecting
    connection.close(.tokenExpired)
    do {
      for try await _ in client.events {}
      Issue.record("no error")
    } catch let error as ApusClientError {
      #expect(error.code == .init("expired_token"))
    }
  }

  @Test(.timeLimit(.minutes(1))) func whatTheProviderThrowsIsThrown() async throws {
    await #expect(throws: LoggedOut.self) {
      try await ApusClient.connect(to: "ws://127.0.0.1:1/ws") { throw LoggedOut() }
    }
    await #expect(throws: ApusClientError.self) {
      try await ApusClient.connect(to: "ws://127.0.0.1:1/ws") { "no token" }
    }
  }

  @Test(.timeLimit(.minutes(1))) func aNodeThatAsksForNoTokensIsTakenAsItIs() async throws {
    let server = try OwnServer.start()
    let tokens = Tokens()
    let client = try await ApusClient.connect(to: server.url, token: tokens.next)
    try await client.publish("1", to: "room")
    await server.stop()
    let second = try OwnServer.start(port: server.port)
    var events = client.events.makeAsyncIterator()
    var connections = 0
    while connections < 2, let event = try await events.next() {
      if case .connected = event { connections += 1 }
    }
    #expect(tokens.count >= 2)
    await second.stop()
  }

  /// A client that is closed while its provider is at work does not wait for it.
  @Test(.timeLimit(.minutes(1))) func theProviderIsCancelledWithTheClient() async throws {
    let node = try ScriptedNode()
    let isCancelled = Lock(false)
    let calls = Lock(0)
    async let connecting = ApusClient.connect(to: node.url) {
      let isFirst = calls.withLock { calls in
        calls += 1
        return calls == 1
      }
      if isFirst { return "t.1" }
      return try await withTaskCancellationHandler {
        try await Task.sleep(for: .seconds(600))
        return "t.2"
      } onCancel: {
        isCancelled.withLock { $0 = true }
      }
    }
    let connection = try await node.accept()
    connection.greet("alice")
    let client = try await connecting
    connection.say(#"{"type":"expiring","in":30000}"#)
    while calls.withLock({ $0 }) < 2 { try await Task.sleep(for: .milliseconds(5)) }
    client.close()
    while !isCancelled.withLock({ $0 }) { try await Task.sleep(for: .milliseconds(5)) }
  }
}
