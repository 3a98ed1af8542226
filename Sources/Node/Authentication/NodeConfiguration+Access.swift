import Hub
import Model

/// What the configuration says of who may come in and who may do what.
extension NodeConfiguration {
  package var keyFiles: TokenKeyFiles {
    TokenKeyFiles(secret: jwtSecret, pemFile: jwtKeyFile, jwksFile: jwksFile)
  }

  var access: Hub.Access {
    Hub.Access(rules: rules, requiresIdentity: isAuthenticated && !isDevelopment && !allowsAnonymous)
  }

  /// Reads the rules from their file again; nil where there is none.
  var readRules: @Sendable () throws(ConfigurationError) -> ChannelRules? {
    guard let configFile else { return { () throws(ConfigurationError) in nil } }
    let (isOpen, isDevelopment) = (isOpen, isDevelopment)
    return { () throws(ConfigurationError) in
      try ConfigurationFile.rules(path: configFile, isOpen: isOpen, isDevelopment: isDevelopment)
    }
  }
}
