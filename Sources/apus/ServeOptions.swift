import ArgumentParser
import Node

/// The options of a node, as `apus serve` and `apus check` take them.
struct ServeOptions: ParsableArguments {
  @OptionGroup var file: FileOptions
  @OptionGroup(title: "Access")
  var access: AccessOptions
  @OptionGroup(title: "Tokens")
  var tokens: TokenOptions
  @OptionGroup(title: "Listening")
  var listening: ListenOptions
  @OptionGroup(title: "Cluster")
  var cluster: ClusterOptions
  @OptionGroup(title: "Backend")
  var backend: BackendOptions
  @OptionGroup(title: "Limits")
  var limits: LimitOptions
  @OptionGroup(title: "Operation")
  var running: RunOptions

  var groups: [any SettingOptions] { [file, access, tokens, listening, cluster, backend, limits, running] }
}

struct FileOptions: SettingOptions {
  @Option(.config) var config: String?

  var texts: [Setting: [String?]] { [.config: [config]] }
}

struct AccessOptions: SettingOptions {
  @Flag(.dev) var dev = false
  @Flag(.allowAnonymous) var allowAnonymous = false
  @Option(.apiKey) var apiKey: [String] = []
  @Option(.apiReadKey) var apiReadKey: [String] = []
  @Option(.allowedHost) var allowedHost: [String] = []
  @Option(.allowedOrigin) var allowedOrigin: [String] = []
  @Option(.trustedProxy) var trustedProxy: [String] = []

  var texts: [Setting: [String?]] {
    [
      .dev: [dev ? "true" : nil], .allowAnonymous: [allowAnonymous ? "true" : nil], .apiKey: apiKey,
      .apiReadKey: apiReadKey, .allowedHost: allowedHost, .allowedOrigin: allowedOrigin, .trustedProxy: trustedProxy,
    ]
  }
}

struct TokenOptions: SettingOptions {
  @Option(.jwtSecret) var jwtSecret: String?
  @Option(.jwtKey) var jwtKey: String?
  @Option(.jwks) var jwks: String?
  @Option(.jwtAudience) var jwtAudience: String?
  @Option(.jwtIssuer) var jwtIssuer: String?

  var texts: [Setting: [String?]] {
    [
      .jwtSecret: [jwtSecret], .jwtKey: [jwtKey], .jwks: [jwks], .jwtAudience: [jwtAudience], .jwtIssuer: [jwtIssuer],
    ]
  }
}

struct ListenOptions: SettingOptions {
  @Option(.host) var host: String?
  @Option(.port) var port: String?
  @Option(.listen) var listen: String?
  @Option(.wsPath) var wsPath: String?
  @Flag(.compression) var compression = false
  @Flag(.echo) var echo = false
  @Option(.loops) var loops: String?

  var texts: [Setting: [String?]] {
    [
      .host: [host], .port: [port], .listen: [listen], .wsPath: [wsPath], .compression: [compression ? "true" : nil],
      .echo: [echo ? "true" : nil], .loops: [loops],
    ]
  }
}

struct ClusterOptions: SettingOptions {
  @Option(.redis) var redis: [String] = []
  @Option(.redisCA) var redisCA: String?
  @Option(.redisCert) var redisCert: String?
  @Option(.redisKey) var redisKey: String?
  @Option(.redisPrefix) var redisPrefix: String?
  @Option(.redisTimeout) var redisTimeout: String?
  @Option(.node) var node: String?
  @Option(.leaveGrace) var leaveGrace: String?

  var texts: [Setting: [String?]] {
    [
      .redis: redis, .redisCA: [redisCA], .redisCert: [redisCert], .redisKey: [redisKey],
      .redisPrefix: [redisPrefix], .redisTimeout: [redisTimeout], .node: [node], .leaveGrace: [leaveGrace],
    ]
  }
}

struct BackendOptions: SettingOptions {
  @Option(.backend) var backend: String?
  @Option(.backendSecret) var backendSecret: String?

  var texts: [Setting: [String?]] { [.backend: [backend], .backendSecret: [backendSecret]] }
}

struct LimitOptions: SettingOptions {
  @Option(.maxConnections) var maxConnections: String?
  @Option(.maxConnectionsPerIP) var maxConnectionsPerIP: String?
  @Option(.connectRate) var connectRate: String?
  @Option(.maxMessageSize) var maxMessageSize: String?
  @Option(.maxChannels) var maxChannels: String?
  @Option(.rate) var rate: String?
  @Option(.burst) var burst: String?
  @Option(.maxOutbox) var maxOutbox: String?

  var texts: [Setting: [String?]] {
    [
      .maxConnections: [maxConnections], .maxConnectionsPerIP: [maxConnectionsPerIP], .connectRate: [connectRate],
      .maxMessageSize: [maxMessageSize], .maxChannels: [maxChannels], .rate: [rate], .burst: [burst],
      .maxOutbox: [maxOutbox],
    ]
  }
}

struct RunOptions: SettingOptions {
  @Option(.pingInterval) var pingInterval: String?
  @Option(.pongTimeout) var pongTimeout: String?
  @Option(.drain) var drain: String?
  @Option(.logLevel) var logLevel: String?
  @Option(.logFormat) var logFormat: String?

  var texts: [Setting: [String?]] {
    [
      .pingInterval: [pingInterval], .pongTimeout: [pongTimeout], .drain: [drain], .logLevel: [logLevel],
      .logFormat: [logFormat],
    ]
  }
}
