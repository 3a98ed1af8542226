import Glibc
import Locks
import Logging
import LoopTestSupport
import Reactor
import Testing

@Suite struct ListenerTests {
  private let logger = Logger(label: "test")

  private func local() throws -> SocketAddress {
    try #require(SocketAddress(numericHost: "127.0.0.1", port: 0))
  }

  private func port(_ address: SocketAddress) -> UInt16 {
    switch address {
    case .ipv4(_, let port), .ipv6(_, let port): port
    case .unix: 0
    }
  }

  /// Connects once and says whether that connection was accepted.
  private func isAccepting(_ socket: ListeningSocket) throws -> Bool {
    let loop = try Loop()
    var accepted: [Int32] = []
    let listener = try Listener(socket, on: loop, logger: logger) { [unowned loop] fd, _ in
      accepted.append(fd)
      loop.stop()
    }
    let client = try Sys.connect(to: socket.address)
    try loop.runUntilStopped()
    listener.close()
    for fd in accepted + [client] { Sys.close(fd) }
    return accepted.count == 1
  }

  // MARK: TCP

  @Test func acceptsOnAPortThatTheKernelChooses() throws {
    let sockets = try ListeningSocket.open(local(), count: 1)
    #expect(sockets.count == 1)
    #expect(port(sockets[0].address) != 0)
    #expect(try isAccepting(sockets[0]))
  }

  @Test func whatIsAcceptedDoesNotBlock() throws {
    let socket = try ListeningSocket.open(local(), count: 1)[0]
    let loop = try Loop()
    var accepted: Int32 = -1
    let listener = try Listener(socket, on: loop, logger: logger) { [unowned loop] fd, _ in
      accepted = fd
      loop.stop()
    }
    let client = try Sys.connect(to: socket.address)
    try loop.runUntilStopped()
    let result = withUnsafeTemporaryAllocation(byteCount: 16, alignment: 1) { Sys.receive(accepted, into: $0) }
    #expect(result == .wouldBlock)
    #expect(fcntl(accepted, F_GETFD) & FD_CLOEXEC != 0, "and is not inherited")
    listener.close()
    Sys.close(accepted)
    Sys.close(client)
  }

  /// One connection more than are accepted in one go.
  @Test func aStormIsAcceptedToTheLast() throws {
    let socket = try ListeningSocket.open(local(), count: 1)[0]
    let loop = try Loop()
    var accepted: [Int32] = []
    let listener = try Listener(socket, on: loop, logger: logger) { [unowned loop] fd, _ in
      accepted.append(fd)
      if accepted.count == 9 { loop.stop() }
    }
    let clients = try (0..<9).map { _ in try Sys.connect(to: socket.address) }
    try loop.runUntilStopped()
    #expect(accepted.count == 9)
    #expect(loop.turns >= 2, "others had their turn")
    listener.close()
    for fd in accepted + clients { Sys.close(fd) }
  }

  @Test func twoLoopsShareAPort() throws {
    let sockets = try ListeningSocket.open(local(), count: 2)
    #expect(sockets.count == 2)
    #expect(sockets[0].address == sockets[1].address)
    #expect(sockets[0].fd != sockets[1].fd)
    let counts = Lock([0, 0])
    let logger = logger
    let threads = try sockets.enumerated().map { index, socket in
      try LoopThread.start("test-listen-\(index)") { loop in
        try Listener(socket, on: loop, logger: logger) { fd, _ in
          counts.withLock { $0[index] += 1 }
          Sys.close(fd)
        }
      }
    }
    let clients = try (0..<200).map { _ in try Sys.connect(to: sockets[0].address) }
    #expect(eventually { counts.withLock { $0.reduce(0, +) } == 200 })
    #expect(counts.withLock { $0 }.allSatisfy { $0 > 0 }, "the kernel spreads them: \(counts.withLock { $0 })")
    for thread in threads { thread.stop() }
    for fd in clients + sockets.map(\.fd) { Sys.close(fd) }
  }

  @Test(arguments: [1, 2])
  func aSecondNodeOnThePortIsRefused(_ loops: Int) throws {
    let first = try ListeningSocket.open(local(), count: loops)
    let error = #expect(throws: SystemError.self) { try ListeningSocket.open(first[0].address, count: loops) }
    #expect(error?.errno == EADDRINUSE)
    for socket in first { Sys.close(socket.fd) }
    // When the first has gone the port is free.
    let second = try ListeningSocket.open(first[0].address, count: loops)
    for socket in second { Sys.close(socket.fd) }
  }

  @Test func anAddressThatIsNotOurOwnIsAnError() throws {
    // RFC 5737 keeps these for documentation.
    let address = try #require(SocketAddress(numericHost: "192.0.2.1", port: 0))
    let error = #expect(throws: SystemError.self) { try ListeningSocket.open(address, count: 1) }
    #expect(error?.call == "bind")
  }

  @Test func aClosedListenerAcceptsNoMore() throws {
    let socket = try ListeningSocket.open(local(), count: 1)[0]
    let loop = try Loop()
    let listener = try Listener(socket, on: loop, logger: logger) { _, _ in Issue.record("it is closed") }
    listener.close()
    listener.close()
    var refused: Int32 = 0
    let source = Source()
    let client = try Sys.connect(to: socket.address)
    _ = try loop.add(client, .writable, source: source)
    source.onReady = { [unowned loop] _, _ in
      refused = Sys.socketError(client)
      loop.stop()
    }
    try loop.runUntilStopped()
    #expect(refused == ECONNREFUSED)
    Sys.close(client)
  }
}
