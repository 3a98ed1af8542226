import Logging
import Model
import Reactor
import Redis

/// From options to a configuration.
extension NodeConfiguration {
  /// Reads every option; throws a sentence that says which one cannot be, where it was said, and what is expected.
  package init(_ settings: Settings) throws(ConfigurationError) {
    isDevelopment = try settings.isOn(.dev)
    allowsAnonymous = try settings.isOn(.allowAnonymous)
    self.settings = settings

    jwtSecret = try settings.optionalText(.jwtSecret)
    jwtKeyFile = try settings.optionalText(.jwtKey)
    jwksFile = try settings.optionalText(.jwks)
    jwtAudience = try settings.optionalText(.jwtAudience)
    jwtIssuer = try settings.optionalText(.jwtIssuer)
    apiKeys = try settings.texts(.apiKey)
    apiReadKeys = try settings.texts(.apiReadKey)

    addresses = try Self.addresses(settings, isDevelopment: isDevelopment)
    webSocketPath = try settings.text(.wsPath)
    echoes = try settings.isOn(.echo)
    compresses = try settings.isOn(.compression)
    loops = try settings.given(.loops).isEmpty ? min(Sys.usableProcessors(), 64) : settings.integer(.loops)

    redis = try Self.redis(settings)
    redisAuthorities = try settings.optionalText(.redisCA)
    redisCertificate = try settings.optionalText(.redisCert)
    redisKey = try settings.optionalText(.redisKey)
    redisPrefix = try Self.redisPrefix(settings, isCluster: redis.contains(where: \.isCluster))
    redisTimeout = try settings.milliseconds(.redisTimeout)
    nodeName = try settings.optionalText(.node) ?? Host.nodeName
    leaveGrace = try settings.milliseconds(.leaveGrace)

    backend = try Self.backend(settings)
    backendSecret = try settings.optionalText(.backendSecret)

    allowedHosts = try settings.texts(.allowedHost)
    allowedOrigins = Set(try settings.texts(.allowedOrigin))
    trustedProxies = try settings.texts(.trustedProxy).compactMap(AddressBlock.init)
    maxConnections = try settings.integer(.maxConnections)
    maxConnectionsPerAddress = try settings.integer(.maxConnectionsPerIP)
    connectRate = try settings.number(.connectRate)
    maxMessageSize = try settings.bytes(.maxMessageSize)
    maxChannels = try settings.integer(.maxChannels)
    rate = try settings.number(.rate)
    burst = try settings.number(.burst)
    maxOutbox = try settings.bytes(.maxOutbox)

    pingInterval = try settings.milliseconds(.pingInterval)
    pongTimeout = try settings.milliseconds(.pongTimeout)
    drain = try settings.milliseconds(.drain)
    logLevel = Logger.Level(rawValue: try settings.text(.logLevel)) ?? .info
    logFormat = BackgroundLog.Format(rawValue: try settings.text(.logFormat)) ?? .text

    // Who may do what by default can be asked once everything has a value.
    rules = ChannelRules([])
    rules = (settings.file ?? ConfigurationFile()).rules(isOpen: isOpen, isDevelopment: isDevelopment)
  }

  private static func addresses(
    _ settings: Settings, isDevelopment: Bool
  ) throws(ConfigurationError) -> [SocketAddress] {
    var addresses: [SocketAddress] = []
    if let unix = try settings.given(.listen).last {
      guard unix.text.hasPrefix("unix:///"), unix.text.last != "/",
        let address = SocketAddress(unixPath: String(unix.text.dropFirst(7)))
      else {
        throw ConfigurationError(
          "\(unix.subject(.listen)) takes unix:///path with at most \(SocketAddress.maxUnixPath) bytes, "
            + "not '\(unix.text.prefix(80))'.")
      }
      addresses.append(address)
    }
    let host = try settings.given(.host).last
    let isPortGiven = try !settings.given(.port).isEmpty
    guard addresses.isEmpty || host != nil || isPortGiven else { return addresses }
    let name = host?.text ?? (isDevelopment ? "127.0.0.1" : "0.0.0.0")
    guard let port = UInt16(exactly: try settings.integer(.port)),
      let address = SocketAddress(numericHost: name == "localhost" ? "127.0.0.1" : name, port: port)
    else {
      throw host?.refusal(.host) ?? ConfigurationError("\(name) is not an address to listen on.")
    }
    return addresses + [address]
  }

  private static func backend(_ settings: Settings) throws(ConfigurationError) -> BackendURL? {
    guard let url = try settings.given(.backend).last else { return nil }
    do {
      return try BackendURL(url.text)
    } catch {
      throw ConfigurationError("\(url.subject(.backend)): \(error).")
    }
  }

  private static func redisPrefix(_ settings: Settings, isCluster: Bool) throws(ConfigurationError) -> String {
    let prefix = try settings.text(.redisPrefix)
    // Braces hold what decides which server of a Cluster has a key.
    guard !isCluster || !prefix.contains(where: { "{}".contains($0) }) else {
      throw ConfigurationError(
        "--redis-prefix takes no { and no } where --redis is a Cluster: Apus puts its own after it.")
    }
    return prefix
  }

  /// How many shards there may be.
  private static let mostRedis = 64

  private static func redis(_ settings: Settings) throws(ConfigurationError) -> [RedisTarget] {
    var urls: [RedisTarget] = []
    let all = try settings.given(.redis)
    for (index, given) in all.enumerated() {
      do {
        let url = try RedisTarget(given.text)
        if let cluster = ([url] + urls).first(where: \.isCluster), !urls.isEmpty {
          throw RedisURLError("\(cluster) is a Cluster, which stands alone: it takes no other --redis beside it")
        }
        guard !urls.contains(where: url.isSame) else {
          throw RedisURLError("\(url) is given twice, and each Redis is one shard")
        }
        if let other = urls.first(where: url.isOneServer) {
          throw RedisURLError("\(other) and \(url) are one server, and each Redis is one shard")
        }
        if let primary = urls.lazy.compactMap(url.nameShared(with:)).first {
          throw RedisURLError(
            "there is another primary of the name \(primary.name) and its database \(primary.database): nodes tell them "
              + "apart by their names, so each needs its own in 'sentinel monitor'")
        }
        urls.append(url)
      } catch {
        let place = all.count == 1 ? "" : ", URL \(index + 1) of \(all.count)"
        throw ConfigurationError("\(given.subject(.redis))\(place): \(error).")
      }
    }
    guard urls.count <= mostRedis else {
      throw ConfigurationError("--redis takes at most \(mostRedis) URLs, not \(urls.count).")
    }
    return urls
  }
}
