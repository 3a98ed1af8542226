import Broker
import Cluster
import Hub
import Logging
import Model
import Reactor
import Redis
import Server

/// Everything a node is told at its start.
package struct NodeConfiguration: Sendable {
  /// Development: loopback, everybody may connect and name themselves, pages.
  package var isDevelopment: Bool
  /// Whether clients without a token may connect.
  package var allowsAnonymous: Bool
  /// What it was made of, to be read again while the node runs.
  package let settings: Settings

  package var jwtSecret: String?
  package var jwtKeyFile: String?
  package var jwksFile: String?
  package var jwtAudience: String?
  package var jwtIssuer: String?
  package var apiKeys: [String]
  package var apiReadKeys: [String]

  package var addresses: [SocketAddress]
  package var webSocketPath: String
  /// Whether there is a plain echo at `/echo`.
  package var echoes: Bool
  package var compresses: Bool
  package var loops: Int

  /// None: the node stands alone. Several are shards, in this order on all nodes.
  package var redis: [RedisTarget]
  package var redisAuthorities: String?
  package var redisCertificate: String?
  package var redisKey: String?
  package var redisPrefix: String
  /// Milliseconds.
  package var redisTimeout: Int64
  package var nodeName: String
  /// Milliseconds.
  package var leaveGrace: Int64

  /// Who does the methods that the node does not know, if anybody.
  package var backend: BackendURL?
  package var backendSecret: String?

  package var allowedHosts: [String]
  package var allowedOrigins: Set<String>
  package var trustedProxies: [AddressBlock]
  /// 0 is no limit, here and below.
  package var maxConnections: Int
  package var maxConnectionsPerAddress: Int
  /// Handshakes a second of one address.
  package var connectRate: Double
  package var maxMessageSize: Int
  package var maxChannels: Int
  package var rate: Double
  package var burst: Double
  package var maxOutbox: Int
  package var rules: ChannelRules

  /// Milliseconds, all three.
  package var pingInterval: Int64
  package var pongTimeout: Int64
  package var drain: Int64
  package var logLevel: Logger.Level
  package var logFormat: BackgroundLog.Format

  /// Whether the node can check tokens.
  package var isAuthenticated: Bool { jwtSecret != nil || jwtKeyFile != nil || jwksFile != nil }

  /// Whether a rule that says nothing lets everybody do everything.
  package var isOpen: Bool { isDevelopment || !isAuthenticated }

  /// What the answer to a `history` may hold, in bytes: in base64 it fits into half of an outbox.
  var maxHistoryBytes: Int { min(HistoryRead.maxBytes, maxOutbox / 8 * 3) }

  /// Whether `Host` may be anything.
  package var answersToAnyHost: Bool { hosts.permitsAll }

  var hosts: HostPolicy { HostPolicy(allowed: allowedHosts, isDevelopment: isDevelopment) }

  var origins: OriginPolicy { OriginPolicy(allowed: allowedOrigins, allowsLoopback: isDevelopment) }

  /// What an answer with the members of a channel may have, in bytes.
  var maxRosterBytes: Int { min(Roster.maxBytes, maxOutbox / 3) }

  var server: ServerConfiguration? {
    var random = SystemRandomNumberGenerator()
    guard let node = NodeID(name: nodeName, using: &random) else { return nil }
    var configuration = ServerConfiguration(
      addresses: addresses, loops: loops, path: webSocketPath, echoes: echoes, compresses: compresses,
      hub: Hub.Limits(
        maxChannels: maxChannels, rate: RateLimit(rate: rate, burst: burst), maxRecovery: 4 * min(maxOutbox, .max / 4)),
      access: access,
      maxMessageSize: maxMessageSize, maxOutbox: maxOutbox, pingInterval: pingInterval, pongTimeout: pongTimeout,
      origins: origins,
      trustsUserParameter: isDevelopment, node: node)
    configuration.keyspaces = RedisTarget.keyspaces(of: redis)
    configuration.hosts = hosts
    configuration.proxies = TrustedProxies(blocks: trustedProxies)
    configuration.maxConnectionsPerAddress = maxConnectionsPerAddress
    configuration.connectRate = connectRate
    return configuration
  }
}
