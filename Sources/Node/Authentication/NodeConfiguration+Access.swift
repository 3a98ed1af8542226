import Hub
import Model

/// What the configuration says of who may come in and who may do what.
extension NodeConfiguration {
  package var keyFiles: TokenKeyFiles {
    TokenKeyFiles(secret: jwtSecret, pemFile: jwtKeyFile, jwksFile: jwksFile)
  }

  var access: Hub.Authorization {
    Hub.Authorization(rules: rules, requiresIdentity: isAuthenticated && !isDevelopment && !allowsAnonymous)
  }
}
