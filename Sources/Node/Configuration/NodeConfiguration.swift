import Hub
import Model
import Reactor
import Redis
import Server

/// Everything a node is told at its start, checked.
package struct NodeConfiguration: Sendable {
  /// Development: loopback, everybody may connect and name themselves, pages.
  package var isDevelopment = false
  /// Whether clients without a token may connect.
  package var allowsAnonymous = false
  package var configFile: String?
  package var jwtSecret: String?
  package var jwtKeyFile: String?
  package var jwksFile: String?
  package var jwtAudience: String?
  package var jwtIssuer: String?
  package var apiKeys: [String] = []
  package var apiReadKeys: [String] = []
  package var isAuthenticated: Bool { jwtSecret != nil || jwtKeyFile != nil || jwksFile != nil }
  package var isOpen: Bool { isDevelopment || !isAuthenticated }
  package var addresses: [SocketAddress] = []
  package var redis: RedisURL?
  package var redisPrefix = "apus:"
  package var redisTimeout: Int64 = 2000
  package var nodeName = "apus"
  package var leaveGrace: Int64 = 3000
  package var webSocketPath = "/ws"
  /// Whether there is a plain echo at `/echo`.
  package var echoes = false
  package var compresses = false
  package var loops = 1
  package var allowedOrigins: Set<String> = []
  package var maxConnections = 0
  package var maxMessageSize = 65536
  package var maxChannels = 128
  package var rate = 50.0
  package var burst = 100.0
  package var maxOutbox = 1 << 20
  package var rules = ChannelRules.standard(isOpen: true)
  package var pingInterval: Int64 = 25_000
  package var pongTimeout: Int64 = 10_000
  package var drain: Int64 = 20_000

  package init() {}

  /// Checks what no single option can: throws a sentence that says what to do.
  package func validated() throws(ConfigurationError) -> NodeConfiguration {
    guard isDevelopment || allowsAnonymous else {
      throw ConfigurationError(
        """
        apus serve would let anybody connect: no authentication is configured.
        For a try on this machine start it with --dev; to let everybody in on purpose, with --allow-anonymous.
        """)
    }
    guard NodeID.isValidName(nodeName) else {
      throw ConfigurationError("--node takes 1 to 40 letters, digits and '-', not '\(nodeName)'.")
    }
    guard webSocketPath.hasPrefix("/"), webSocketPath != "/", !webSocketPath.contains(where: { " ?#".contains($0) })
    else {
      throw ConfigurationError("--ws-path is a path such as /ws, not '\(webSocketPath)'.")
    }
    guard !echoes || webSocketPath != ServerConfiguration.echoPath else {
      throw ConfigurationError("--echo is at \(ServerConfiguration.echoPath): choose another --ws-path.")
    }
    guard maxOutbox >= 2 * maxMessageSize else {
      throw ConfigurationError(
        "--max-outbox (\(maxOutbox)) must be at least twice --max-message-size (\(maxMessageSize)): a message would not fit."
      )
    }
    return self
  }

  var server: ServerConfiguration? {
    var random = SystemRandomNumberGenerator()
    guard let node = NodeID(name: nodeName, using: &random) else { return nil }
    return ServerConfiguration(
      addresses: addresses, loops: loops, path: webSocketPath, echoes: echoes, compresses: compresses,
      hub: Hub.Limits(maxChannels: maxChannels, rate: RateLimit(rate: rate, burst: burst)), access: access,
      maxMessageSize: maxMessageSize, maxOutbox: maxOutbox, pingInterval: pingInterval, pongTimeout: pongTimeout,
      origins: OriginPolicy(allowed: allowedOrigins),
      trustsUserParameter: isDevelopment, node: node)
  }
}

/// An option that cannot be, with what to do about it.
package struct ConfigurationError: Error, CustomStringConvertible {
  package let description: String

  package init(_ description: String) {
    self.description = description
  }
}
