import Logging
import Model
import Tokens

/// Who may come in and who may do what, as files and variables say it now: read at the start, and again while the node
/// runs.
///
/// What is no good changes nothing: the log tells why, and what was read before stays.
actor AccessReloader {
  /// How often it is looked whether the JWK set has changed.
  private static let interval = Duration.seconds(1)

  /// Nil where tokens are not checked.
  nonisolated let verifier: TokenVerifier?
  private let isOpen: Bool
  private let isDevelopment: Bool
  private let logger: Logger
  private var settings: Settings
  private var files: TokenKeyFiles
  /// The JWK set that was read last, as it was before it was read: a change meanwhile is then seen as one.
  private var stamp: FileStamp?

  /// Reads the keys; throws where there are none to be had.
  init(_ configuration: NodeConfiguration, _ logger: Logger) async throws {
    isOpen = configuration.isOpen
    isDevelopment = configuration.isDevelopment
    self.logger = logger
    settings = configuration.settings
    files = configuration.keyFiles
    guard configuration.isAuthenticated else {
      verifier = nil
      return
    }
    stamp = files.jwksFile.flatMap(FileStamp.init)
    let keys = try await Self.load(files, logger)
    if keys.isEmpty { logger.warning("there is no key to verify tokens with: nobody can authenticate") }
    let expectations = TokenVerifier.Expectations(audience: configuration.jwtAudience, issuer: configuration.jwtIssuer)
    verifier = TokenVerifier(keys, expectations)
  }

  /// Reads everything again for each of `requests` (SIGHUP), and the keys whenever the JWK set has changed, one after the
  /// other, so that what was read first never takes the place of what was read later; until cancelled. Each request also
  /// calls `others`, for what else is read from files.
  nonisolated func keepReading(
    at requests: AsyncStream<Void>, others: @escaping @Sendable () -> Void,
    _ adopt: @escaping @Sendable (ChannelRules) -> Void
  ) async {
    let (reasons, reason) = AsyncStream<Reason>.makeStream()
    await withTaskGroup(of: Void.self) { group in
      group.addTask { for await _ in requests { reason.yield(.asked) } }
      group.addTask {
        while (try? await Task.sleep(for: Self.interval)) != nil { reason.yield(.time) }
        reason.finish()
      }
      for await reason in reasons {
        switch reason {
        case .asked:
          others()
          await reload(adopt)
        case .time: await reloadKeysIfChanged()
        }
      }
      group.cancelAll()
    }
  }

  private enum Reason {
    case asked, time
  }

  private func reload(_ adopt: (ChannelRules) -> Void) async {
    do throws(ConfigurationError) {
      let read = try settings.readAgain()
      let secret = try read.optionalText(.jwtSecret)
      guard secret != nil || files.secret == nil else { throw ConfigurationError("The secret for tokens is missing.") }
      if let file = read.file {
        // An editor or a script may have emptied the file and not written it yet: that must not open every channel.
        guard file.hasRules || settings.file?.hasRules != true else {
          throw ConfigurationError(
            "\(read.filePath ?? ""): `channels` is missing, but was there before; without rules everything is allowed. "
              + "To run without rules, restart the node.")
        }
        let rules = file.rules(isOpen: isOpen, isDevelopment: isDevelopment)
        adopt(rules)
        for warning in file.warnings { logger.warning("\(warning)") }
        logger.notice("the channel rules were reloaded", metadata: ["rules": "\(rules.rules.count)"])
      }
      files.secret = secret
      settings = read
    } catch {
      return logger.error("the configuration was refused; rules, secret and keys stay as they were: \(error)")
    }
    await reloadKeys()
  }

  private func reloadKeysIfChanged() async {
    guard let path = files.jwksFile, FileStamp(path: path) != stamp else { return }
    await reloadKeys()
  }

  /// Reads the keys, and warns of those that cannot be used.
  private static func load(_ files: TokenKeyFiles, _ logger: Logger) async throws(ConfigurationError) -> TokenKeys {
    let (keys, unused) = try await files.load()
    for sentence in unused { logger.warning("\(sentence)") }
    return keys
  }

  private func reloadKeys() async {
    guard let verifier else { return }
    stamp = files.jwksFile.flatMap(FileStamp.init)
    do throws(ConfigurationError) {
      let keys = try await Self.load(files, logger)
      verifier.replace(keys)
      let names = keys.descriptions.joined(separator: ", ")
      logger.notice("the token keys were reloaded", metadata: ["keys": "\(names)"])
    } catch {
      logger.error("the token keys stay as they were: \(error)")
    }
  }
}
