/// One option of a node by its name: the flag `--max-outbox`, the variable `APUS_MAX_OUTBOX` and the key `max-outbox` of
/// the configuration file. What each is stands in the table of `Setting+Table`.
package enum Setting: String, CaseIterable, Sendable {
  case dev
  case allowAnonymous = "allow-anonymous"
  case config
  case jwtSecret = "jwt-secret"
  case jwtKey = "jwt-key"
  case jwks
  case jwtAudience = "jwt-audience"
  case jwtIssuer = "jwt-issuer"
  case apiKey = "api-key"
  case apiReadKey = "api-read-key"
  case host
  case port
  case listen
  case wsPath = "ws-path"
  case compression
  case echo
  case loops
  case redis
  case redisCA = "redis-ca"
  case redisCert = "redis-cert"
  case redisKey = "redis-key"
  case redisPrefix = "redis-prefix"
  case redisTimeout = "redis-timeout"
  case node
  case leaveGrace = "leave-grace"
  case backend
  case backendSecret = "backend-secret"
  case allowedHost = "allowed-host"
  case allowedOrigin = "allowed-origin"
  case trustedProxy = "trusted-proxy"
  case maxConnections = "max-connections"
  case maxConnectionsPerIP = "max-connections-per-ip"
  case connectRate = "connect-rate"
  case maxMessageSize = "max-message-size"
  case maxChannels = "max-channels"
  case rate
  case burst
  case maxOutbox = "max-outbox"
  case pingInterval = "ping-interval"
  case pongTimeout = "pong-timeout"
  case drain
  case logLevel = "log-level"
  case logFormat = "log-format"

  package var name: String { rawValue }
  package var flag: String { "--" + name }
  package var variable: String { "APUS_" + name.uppercased().replacing("-", with: "_") }
  /// The variable with the path of a file that holds the value; nil where that is not offered.
  package var fileVariable: String? { isSecret ? variable + "_FILE" : nil }

  package var form: SettingForm { facts.form }
  package var fallback: Fallback { facts.fallback }
  package var isRepeatable: Bool { facts.isRepeatable }
  /// Whether the value is quoted nowhere.
  package var isSecret: Bool { facts.isSecret }

  /// One sentence for people.
  package var help: String { facts.help }

  /// The same with the default, as `--help` shows it.
  package var helpWithDefault: String { form == .toggle ? help : "\(help) (default: \(fallback.text))" }

  /// What counts where nothing is said.
  package enum Fallback: Equatable, Sendable {
    case value(String)
    /// Nothing, or what the node finds out by itself, in words.
    case words(String)

    package var text: String {
      switch self {
      case .value(let text), .words(let text): text
      }
    }
  }

  /// A line of the table.
  struct Facts {
    var form: SettingForm
    var fallback: Fallback
    var help: String
    var isRepeatable = false
    var isSecret = false
  }
}
