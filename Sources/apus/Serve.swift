import ArgumentParser
import FoundationEssentials
import Glibc
import Logging
import Model
import Node
import Reactor
import Redis

/// `apus serve`: run a node.
struct Serve: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Run a node.",
    discussion: """
      Every option can also be given in the environment: --max-outbox as APUS_MAX_OUTBOX, and so on. The command line \
      comes first, then the environment, then the default. Times are 500ms, 20s, 10m; a bare number is seconds.

      SIGTERM lets the clients go within --drain and ends in order; Ctrl-C ends in order at once; a second signal ends \
      the process where it stands.
      """)

  @Flag(help: "Development: loopback, no Redis needed, everybody may connect and say who they are (?user=), demo page.")
  var dev = false
  @Flag(help: "Let clients connect that say nothing of themselves.")
  var allowAnonymous = false

  @Option(help: "A file in YAML or JSON with rules for channels.")
  var config: String?

  @OptionGroup(title: "Where to listen")
  var listening: ListenOptions
  @OptionGroup(title: "The cluster")
  var cluster: ClusterOptions
  @OptionGroup(title: "Limits")
  var limits: LimitOptions
  @OptionGroup(title: "Running")
  var running: RunOptions

  func run() async throws {
    var configuration = NodeConfiguration()
    configuration.isDevelopment = try Options.flag(dev, "APUS_DEV")
    configuration.allowsAnonymous = try Options.flag(allowAnonymous, "APUS_ALLOW_ANONYMOUS")
    try listening.apply(to: &configuration)
    try cluster.apply(to: &configuration)
    try limits.apply(to: &configuration)
    try running.apply(to: &configuration)
    if let file = try Options.value(config, "APUS_CONFIG") { configuration.rules = try Self.rules(in: file) }
    let checked: NodeConfiguration
    do {
      checked = try configuration.validated()
    } catch {
      throw ValidationError(error.description)
    }

    let log = BackgroundLog()
    let logger = try running.logger(log)
    do {
      let isDevelopment = checked.isDevelopment
      let path = checked.webSocketPath
      try await Node(checked, logger: logger).run { addresses in
        for address in addresses { logger.info("listening", metadata: ["address": "\(address)"]) }
        if isDevelopment, let address = addresses.first { Self.greet(address, path) }
      }
    } catch let error as SystemError {
      log.flush()
      throw ValidationError(explain(error, configuration.addresses))
    }
    log.flush()
  }

  private static func rules(in file: String) throws -> ChannelRules {
    guard let text = try? String(contentsOfFile: file, encoding: .utf8) else {
      throw ValidationError("--config: \(file) cannot be read, or is no text in UTF-8.")
    }
    do {
      return try ConfigurationFile.rules(in: text, named: file)
    } catch {
      throw ValidationError(error.description)
    }
  }

  private func explain(_ error: SystemError, _ addresses: [SocketAddress]) -> String {
    let places = addresses.map(\.description).joined(separator: ", ")
    return switch error.errno {
    case EADDRINUSE: "\(places) is in use already: stop who listens there, or choose another --port."
    case EACCES: "Not allowed to listen on \(places): ports below 1024 need a privilege."
    case EADDRNOTAVAIL: "This machine has no address \(places): see --host."
    default: "\(places): \(error)"
    }
  }

  /// What a newcomer can do next.
  private static func greet(_ address: SocketAddress, _ path: String) {
    let program = CommandLine.arguments.first ?? "apus"
    print(
      """

      Apus is up. Open http://\(address)/ in two browser tabs,
      or paste this into another terminal:

        \(program) sub lobby --url ws://\(address)\(path)

      Ctrl-C ends it.

      """)
    fflush(nil)
  }
}

struct ListenOptions: ParsableArguments {
  @Option(help: "Address to listen on. (default: 0.0.0.0; with --dev 127.0.0.1)")
  var host: String?
  @Option(help: "Port to listen on; 0 lets the kernel choose. (default: 8080)")
  var port: UInt16?
  @Option(help: "Listen on a unix socket too, or only there if no --host and --port are given: unix:///path")
  var listen: String?
  @Option(help: "Path of the WebSocket. (default: /ws)")
  var wsPath: String?
  @Flag(help: "Let clients agree on permessage-deflate; messages from 256 bytes on are compressed.")
  var compression = false
  @Flag(help: "Add a plain WebSocket echo at /echo, for conformance tests and first tries.")
  var echo = false
  @Option(help: "Threads that hold connections. (default: the processors this process may use)")
  var loops: Int?

  func apply(to configuration: inout NodeConfiguration) throws {
    let unix = try Options.value(listen, "APUS_LISTEN")
    if let unix {
      guard unix.hasPrefix("unix://"), let address = SocketAddress(unixPath: String(unix.dropFirst(7))) else {
        throw ValidationError(
          "--listen takes unix:///path with at most \(SocketAddress.maxUnixPath) bytes, not '\(unix)'.")
      }
      configuration.addresses.append(address)
    }
    let host = try Options.value(host, "APUS_HOST")
    let port = try Options.value(port, "APUS_PORT")
    if unix == nil || host != nil || port != nil {
      let name = host ?? (configuration.isDevelopment ? "127.0.0.1" : "0.0.0.0")
      guard let address = SocketAddress(numericHost: name == "localhost" ? "127.0.0.1" : name, port: port ?? 8080)
      else {
        throw ValidationError("--host takes an address such as 127.0.0.1 or ::, not '\(name)'.")
      }
      configuration.addresses.append(address)
    }
    configuration.webSocketPath = try Options.value(wsPath, "APUS_WS_PATH", default: "/ws")
    configuration.compresses = try Options.flag(compression, "APUS_COMPRESSION")
    configuration.echoes = try Options.flag(echo, "APUS_ECHO")
    configuration.loops = try Options.value(loops, "APUS_LOOPS", default: min(Sys.usableProcessors(), 64))
    guard (1...64).contains(configuration.loops) else { throw ValidationError("--loops is from 1 to 64.") }
  }
}

struct ClusterOptions: ParsableArguments {
  @Option(help: "Redis, as redis://user:password@host:6379/0 or unix:///path. (default: none; one node, in memory)")
  var redis: [String] = []
  @Option(help: "What every key and channel in Redis begins with. (default: apus:)")
  var redisPrefix: String?
  @Option(help: "How long Redis may take to answer. (default: 2s)")
  var redisTimeout: Milliseconds?
  @Option(help: "Name of this node, shown in `connected` and in presence. (default: the host name)")
  var node: String?
  @Option(help: "How long a lost connection stays present. (default: 3s)")
  var leaveGrace: Milliseconds?

  func apply(to configuration: inout NodeConfiguration) throws {
    let urls = Options.values(redis, "APUS_REDIS")
    guard urls.count <= 1 else { throw ValidationError("--redis can be given once only; several Redis come later.") }
    if let url = urls.first {
      do {
        configuration.redis = try RedisURL(url)
      } catch {
        throw ValidationError("--redis: \(error)")
      }
    }
    configuration.redisPrefix = try Options.value(redisPrefix, "APUS_REDIS_PREFIX", default: "apus:")
    configuration.redisTimeout = try Options.value(redisTimeout, "APUS_REDIS_TIMEOUT", default: Milliseconds(2000))
      .value
    configuration.nodeName = try Options.value(node, "APUS_NODE", default: Host.nodeName)
    configuration.leaveGrace = try Options.value(leaveGrace, "APUS_LEAVE_GRACE", default: Milliseconds(3000)).value
    guard configuration.redisTimeout >= 100 else { throw ValidationError("--redis-timeout is at least 100ms.") }
  }
}

struct LimitOptions: ParsableArguments {
  @Option(help: "Web origin that may connect besides the node's own host, as https://app.example.com; '*' is all.")
  var allowedOrigin: [String] = []
  @Option(help: "Connections in all; 0 is no limit. (default: 0)")
  var maxConnections: Int?
  @Option(help: "Largest message in bytes. (default: 65536)")
  var maxMessageSize: ByteCount?
  @Option(help: "Channels per connection. (default: 128)")
  var maxChannels: Int?
  @Option(help: "Commands a second per connection; 0 is no limit. (default: 50)")
  var rate: Double?
  @Option(help: "Commands at once after a rest. (default: 100)")
  var burst: Double?
  @Option(help: "How much may wait for a slow client before it is closed. (default: 1MiB)")
  var maxOutbox: ByteCount?

  func apply(to configuration: inout NodeConfiguration) throws {
    configuration.allowedOrigins = Set(Options.values(allowedOrigin, "APUS_ALLOWED_ORIGIN"))
    configuration.maxConnections = try Options.value(maxConnections, "APUS_MAX_CONNECTIONS", default: 0)
    configuration.maxMessageSize =
      try Options.value(maxMessageSize, "APUS_MAX_MESSAGE_SIZE", default: ByteCount(65536)).value
    configuration.maxChannels = try Options.value(maxChannels, "APUS_MAX_CHANNELS", default: 128)
    configuration.rate = try Options.value(rate, "APUS_RATE", default: 50)
    configuration.burst = try Options.value(burst, "APUS_BURST", default: 100)
    configuration.maxOutbox = try Options.value(maxOutbox, "APUS_MAX_OUTBOX", default: ByteCount(1 << 20)).value
    guard configuration.maxConnections >= 0 else { throw ValidationError("--max-connections is 0 or more.") }
    guard (128...1 << 30).contains(configuration.maxMessageSize) else {
      throw ValidationError("--max-message-size is from 128 bytes to 1 GiB.")
    }
    guard configuration.maxChannels >= 1 else { throw ValidationError("--max-channels is 1 or more.") }
    guard configuration.rate >= 0, configuration.rate.isFinite, configuration.burst >= 1, configuration.burst < 1e9
    else { throw ValidationError("--rate is 0 or more, --burst 1 or more.") }
  }
}

struct RunOptions: ParsableArguments {
  @Option(help: "Time between pings. (default: 25s)")
  var pingInterval: Milliseconds?
  @Option(help: "Time in which a ping must be answered. (default: 10s)")
  var pongTimeout: Milliseconds?
  @Option(help: "How long SIGTERM takes to let the clients go. (default: 20s)")
  var drain: Milliseconds?
  @Option(help: "trace, debug, info, notice, warning, error or critical. (default: info)")
  var logLevel: String?
  @Option(help: "text or json. (default: text)")
  var logFormat: String?

  func apply(to configuration: inout NodeConfiguration) throws {
    configuration.pingInterval = try Options.value(pingInterval, "APUS_PING_INTERVAL", default: Milliseconds(25_000))
      .value
    configuration.pongTimeout = try Options.value(pongTimeout, "APUS_PONG_TIMEOUT", default: Milliseconds(10_000)).value
    configuration.drain = try Options.value(drain, "APUS_DRAIN", default: Milliseconds(20_000)).value
    guard configuration.pingInterval >= 100, configuration.pongTimeout >= 100 else {
      throw ValidationError("--ping-interval and --pong-timeout are at least 100ms.")
    }
  }

  func logger(_ log: BackgroundLog) throws -> Logger {
    let levelName = try Options.value(logLevel, "APUS_LOG_LEVEL", default: "info")
    guard let level = Logger.Level(rawValue: levelName) else {
      throw ValidationError(
        "--log-level is trace, debug, info, notice, warning, error or critical, not '\(levelName)'.")
    }
    let formatName = try Options.value(logFormat, "APUS_LOG_FORMAT", default: "text")
    guard let format = BackgroundLog.Format(rawValue: formatName) else {
      throw ValidationError("--log-format is text or json, not '\(formatName)'.")
    }
    return Logger(label: "apus") { LineLogHandler(label: $0, level: level, format: format, log: log) }
  }
}
