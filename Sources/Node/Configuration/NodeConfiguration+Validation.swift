import Model
import Reactor
import Redis
import Server

/// What no single option can be asked alone.
extension NodeConfiguration {
  /// The shortest key for the HTTP API that is not to be guessed, in bytes.
  private static let minAPIKey = 16
  /// The shortest secret for HS256 that is as strong as the hash (RFC 7518 section 3.2), in bytes.
  private static let minSecret = 32

  /// Checks what no single option can: throws a sentence that says what to do.
  package func validated() throws(ConfigurationError) -> NodeConfiguration {
    guard isDevelopment || allowsAnonymous || isAuthenticated else {
      throw ConfigurationError(
        """
        apus serve would let anybody connect: no authentication is configured.
        Give it a key to verify tokens with: --jwt-secret, --jwt-key or --jwks.
        To try it on this machine, start it with --dev; to let everybody in on purpose, with --allow-anonymous.
        """)
    }
    try validateAPIKeys()
    try validateRedisFiles()
    guard NodeID.isValidName(nodeName) else {
      throw ConfigurationError("--node takes 1 to 40 letters, digits and '-', not '\(nodeName.prefix(80))'.")
    }
    guard maxOutbox / 2 >= maxMessageSize else {
      throw ConfigurationError(
        "--max-outbox (\(maxOutbox)) must be at least twice --max-message-size (\(maxMessageSize)): a message would not fit."
      )
    }
    return self
  }

  private func validateRedisFiles() throws(ConfigurationError) {
    let files = [(Setting.redisCA, redisAuthorities), (.redisCert, redisCertificate), (.redisKey, redisKey)]
    guard let (setting, _) = files.first(where: { $0.1 != nil }) else { return }
    guard redis.contains(where: \.isSecure) else {
      throw ConfigurationError(
        "\(setting.flag) is for TLS, and no --redis begins with rediss://, rediss+sentinel:// or rediss+cluster://.")
    }
    guard (redisCertificate == nil) == (redisKey == nil) else {
      throw ConfigurationError("--redis-cert and --redis-key go together: the certificate and its key.")
    }
  }

  private func validateAPIKeys() throws(ConfigurationError) {
    for (setting, keys) in [(Setting.apiKey, apiKeys), (.apiReadKey, apiReadKeys)] {
      for key in keys {
        guard key.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
          throw ConfigurationError(
            "\(setting.flag): a key goes into a header, so it takes only printable ASCII characters, without spaces.")
        }
      }
    }
    guard Set(apiKeys).isDisjoint(with: apiReadKeys) else {
      throw ConfigurationError("The same key is given as --api-key and as --api-read-key: it could do more than read.")
    }
  }

  /// A sentence for each thing that can be and most likely should not.
  package var warnings: [String] {
    var warnings: [String] = []
    if let jwtSecret, jwtSecret.utf8.count < Self.minSecret {
      warnings.append(
        "The secret for tokens has fewer than \(Self.minSecret) bytes and could be guessed: "
          + "openssl rand -hex 32 makes one.")
    }
    if (apiKeys + apiReadKeys).contains(where: { $0.utf8.count < Self.minAPIKey }) {
      warnings.append(
        "A key for the HTTP API has fewer than \(Self.minAPIKey) characters and could be guessed: "
          + "openssl rand -hex 32 makes one.")
    }
    if !isAuthenticated, jwtAudience != nil || jwtIssuer != nil {
      warnings.append("--jwt-audience and --jwt-issuer have no effect without a key to verify tokens with.")
    }
    if let backendSecret, backendSecret.utf8.count < Self.minSecret {
      warnings.append(
        "The secret for the backend has fewer than \(Self.minSecret) bytes and could be guessed: "
          + "openssl rand -hex 32 makes one.")
    }
    if backend != nil, backendSecret == nil {
      warnings.append(
        "Without --backend-secret the backend cannot tell a node's calls from those of anybody else who reaches it.")
    }
    if backend == nil, backendSecret != nil { warnings.append("--backend-secret has no effect without --backend.") }
    if allowedOrigins.contains("null") {
      warnings.append(
        "--allowed-origin null lets in pages from files, and also a page of any site in a sandboxed frame.")
    }
    if allowedOrigins.contains("*"), allowedOrigins.count > 1 {
      warnings.append("--allowed-origin * lets every origin in: the others have no effect.")
    }
    if isDevelopment, let open = addresses.first(where: { !$0.isLoopback }) {
      warnings.append("--dev lets everybody do everything, and \(open) can be reached from other machines.")
    }
    return warnings
  }
}

extension SocketAddress {
  /// Whether only this machine can connect to it.
  fileprivate var isLoopback: Bool {
    switch self {
    case .ipv4(let bytes, _): UInt32(bigEndian: bytes) >> 24 == 127
    case .ipv6(let bytes, _): (0..<15).allSatisfy { bytes[$0] == 0 } && bytes[15] == 1
    case .unix: true
    }
  }
}
