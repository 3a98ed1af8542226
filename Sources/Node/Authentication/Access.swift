import Logging
import Model
import Tokens

/// Who may come in and who may do what, as the files say it now: read at the start, and again while the node runs.
///
/// A file that is no good changes nothing: the log tells why, and what was read before stays.
struct Access: Sendable {
  /// How often it is looked whether the JWK set has changed.
  private static let interval = Duration.seconds(1)

  /// Nil where tokens are not checked.
  let verifier: TokenVerifier?
  private let files: TokenKeyFiles
  private let readRules: @Sendable () throws(ConfigurationError) -> ChannelRules?
  private let logger: Logger

  /// Reads the keys; throws where there are none to be had.
  static func load(_ configuration: NodeConfiguration, _ logger: Logger) async throws -> Access {
    let files = configuration.keyFiles
    guard configuration.isAuthenticated else {
      return Access(verifier: nil, files: files, readRules: configuration.readRules, logger: logger)
    }
    let (keys, unused) = try await files.load()
    for sentence in unused { logger.warning("\(sentence)") }
    if keys.isEmpty { logger.warning("there is no key to verify tokens with: nobody can say who they are") }
    let expectations = TokenVerifier.Expectations(audience: configuration.jwtAudience, issuer: configuration.jwtIssuer)
    return Access(
      verifier: TokenVerifier(keys, expectations), files: files, readRules: configuration.readRules, logger: logger)
  }

  /// Reads rules and keys again (SIGHUP); `adopt` gets the rules where there is a file of them.
  func reload(_ adopt: (ChannelRules) -> Void) async {
    do throws(ConfigurationError) {
      if let rules = try readRules() {
        adopt(rules)
        logger.notice("the rules for channels were read again", metadata: ["rules": "\(rules.rules.count)"])
      }
    } catch {
      logger.error("the configuration file was refused, the rules stay as they were: \(error)")
    }
    await reloadKeys()
  }

  /// Reads the keys again whenever the JWK set has changed, until cancelled.
  func watch() async {
    guard verifier != nil, let path = files.jwksFile else { return }
    var seen = FileStamp(path: path)
    while (try? await Task.sleep(for: Self.interval)) != nil {
      let stamp = FileStamp(path: path)
      guard stamp != seen else { continue }
      seen = stamp
      await reloadKeys()
    }
  }

  private func reloadKeys() async {
    guard let verifier else { return }
    do throws(ConfigurationError) {
      let (keys, unused) = try await files.load()
      for sentence in unused { logger.warning("\(sentence)") }
      verifier.replace(keys)
      logger.notice(
        "the keys for tokens were read again", metadata: ["keys": "\(keys.descriptions.joined(separator: ", "))"])
    } catch {
      logger.error("the keys for tokens stay as they were: \(error)")
    }
  }
}
