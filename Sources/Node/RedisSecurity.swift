import Logging
import Redis
import TLS

/// TLS to Redis: its files are read at the start, and again while the node runs, for connections made from then on.
struct RedisSecurity {
  let context: TLSContext
  private let logger: Logger

  /// Nil where no URL has TLS; throws where a file cannot be used.
  init?(_ configuration: NodeConfiguration, _ logger: Logger) throws(ConfigurationError) {
    guard let context = try configuration.redisContext() else { return nil }
    self.context = context
    self.logger = logger
  }

  /// What is no good changes nothing: the log tells why.
  func readAgain() {
    do throws(TLSFileError) {
      try context.reload()
      logger.notice("the certificates for Redis were reloaded")
    } catch {
      logger.error("the certificates for Redis stay as they were: \(error)")
    }
  }
}

extension NodeConfiguration {
  /// What connections to Redis need for TLS; nil where no URL has it. Throws where a file cannot be used.
  package func redisContext() throws(ConfigurationError) -> TLSContext? {
    guard redis.contains(where: \.isSecure) else { return nil }
    var files = TLSFiles(authorities: redisAuthorities)
    if let redisCertificate, let redisKey {
      files.identity = TLSFiles.Identity(certificate: redisCertificate, key: redisKey)
    }
    do {
      return try TLSContext(files)
    } catch {
      throw ConfigurationError("TLS to Redis: \(error).")
    }
  }
}
