import ApusClient
import Broker
import Cluster
import Hub
import Logging
import Model
import Reactor
import Redis
import Server
import TestSupport
import Testing

/// Whole servers of two loops in this process, with a real Redis: every thread that a node has on the way of a message.
struct ServersTests {
  private func start(_ name: String, _ redis: RedisProcess) throws -> (server: Server, url: String) {
    let id = try NodeID.random(name)
    let configuration = ServerConfiguration(
      addresses: [try #require(SocketAddress(numericHost: "127.0.0.1", port: 0))], loops: 2, path: "/ws",
      echoes: false, compresses: true,
      hub: Hub.Limits(maxChannels: 128, rate: RateLimit(rate: 0, burst: 100), maxRecovery: 4 << 20),
      access: Hub.Authorization(rules: .standard(isOpen: true), requiresIdentity: false), maxMessageSize: 65_536,
      maxOutbox: 1 << 20, pingInterval: 25_000, pongTimeout: 10_000, origins: OriginPolicy(allowed: []),
      trustsUserParameter: true, node: id)
    let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    let room = Room()
    let broker = RedisBroker.Configuration(
      urls: [try RedisTarget("unix://\(redis.socket)")], prefix: "apus:", timeout: 5000, leaveGrace: 300,
      nodeName: name, description: [], maxMessageSize: 65_536, connections: { 0 })
    let server = try Server.start(
      configuration, connectionCounter: ConnectionCounter(limit: 0), room: room, refusals: RefusalLog(logger),
      logger: logger, broker: { RedisBroker(on: $0, outlet: $1, id: id, configuration: broker, logger: logger) },
      handOver: { Sys.close($0.fd) }, isOpen: { room.open(1000) })
    guard case .ipv4(_, let port)? = server.addresses.first else { throw SystemError("bind", errno: 0) }
    return (server, "ws://127.0.0.1:\(port)/ws")
  }

  private func texts(_ count: Int, _ client: ApusClient) async throws -> [String] {
    var texts: [String] = []
    for try await event in client.events {
      if case .message(let message) = event { texts.append(message.data) }
      if texts.count == count { break }
    }
    return texts
  }

  @Test(.timeLimit(.minutes(5))) func messagesCrossThreadsAndNodesInOneOrder() async throws {
    try await withCluster { cluster in
      let servers = try ["web-1", "web-2"].map { try start($0, cluster.redis) }
      var clients: [ApusClient] = []
      for number in 0..<4 {
        clients.append(try await ApusClient.connect(to: servers[number % 2].url + "?user=u\(number)"))
      }
      for client in clients { try await client.subscribe("room", presence: .member) }
      try await withThrowingTaskGroup(of: Void.self) { group in
        for (number, client) in clients.enumerated() {
          group.addTask { for count in 0..<25 { try await client.publish("[\(number),\(count)]", to: "room") } }
        }
        try await group.waitForAll()
      }
      let first = try await texts(100, clients[0])
      #expect(Set(first).count == 100)
      for client in clients.dropFirst() { #expect(try await texts(100, client) == first) }
      #expect(try await clients[0].count(of: "room") == 4)
      let statistics = await servers[0].server.statistics()
      #expect(statistics.count == 2)
      for client in clients { client.close() }
      for (server, _) in servers {
        await server.drain(window: 100)
        await server.stop()
      }
    }
  }
}
