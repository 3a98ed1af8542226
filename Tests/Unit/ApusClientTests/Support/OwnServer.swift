import Broker
import Hub
import Logging
import Model
import Reactor
import Server
import TestSupport
import Testing

/// A real server in this process, in memory, on loopback.
struct OwnServer {
  private let server: Server
  let port: UInt16

  /// Listens on `port`, 0 for any that is free.
  static func start(
    port: UInt16 = 0, maxOutbox: Int = 1 << 20, maxRosterBytes: Int = Roster.maxBytes
  ) throws -> OwnServer {
    var random = SplitMix64(seed: 1)
    let id = try #require(NodeID(name: "test", using: &random))
    let configuration = ServerConfiguration(
      addresses: [try #require(SocketAddress(numericHost: "127.0.0.1", port: port))], loops: 2, path: "/ws",
      echoes: false, compresses: false,
      hub: Hub.Limits(maxChannels: 128, rate: RateLimit(rate: 0, burst: 100), maxRecovery: 4 << 20),
      access: Hub.Authorization(rules: .standard(isOpen: true), requiresIdentity: false),
      maxMessageSize: 65_536, maxOutbox: maxOutbox, pingInterval: 25_000, pongTimeout: 10_000,
      origins: OriginPolicy(allowed: []), trustsUserParameter: true,
      node: id)
    let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    let room = Room()
    let server = try Server.start(
      configuration, connectionCounter: ConnectionCounter(limit: 0), room: room, refusals: RefusalLog(logger),
      logger: logger,
      broker: { MemoryBroker(on: $0, outlet: $1, id: id, leaveGrace: 100, maxRosterBytes: maxRosterBytes) },
      handOver: { Sys.close($0.fd) }, isOpen: { room.open(1000) })
    guard case .ipv4(_, let bound)? = server.addresses.first else { throw SystemError("bind", errno: 0) }
    return OwnServer(server: server, port: bound)
  }

  var url: String { "ws://127.0.0.1:\(port)/ws" }

  /// Lets the clients go within so many milliseconds.
  func drain(window: Int64) async {
    await server.drain(window: window)
  }

  /// What waits at the server for clients that do not read, in bytes.
  var outboxBytes: Int {
    get async { await server.statistics().reduce(0) { $0 + $1.outboxBytes } }
  }

  func stop() async {
    await server.stop()
  }
}
