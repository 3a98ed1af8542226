import FoundationEssentials
import Tokens

/// Where a node's keys for tokens come from. The files are read again while it runs.
package struct TokenKeyFiles: Sendable {
  package internal(set) var secret: String?
  package let pemFile: String?
  package let jwksFile: String?

  package init(secret: String?, pemFile: String?, jwksFile: String?) {
    self.secret = secret
    self.pemFile = pemFile
    self.jwksFile = jwksFile
  }

  /// All keys, and a sentence on each that cannot be used; throws where a file is no file of keys.
  package func load() async throws(ConfigurationError) -> (keys: TokenKeys, unused: [String]) {
    var (keys, unused) = (TokenKeys(), [String]())
    if let secret {
      do {
        keys = keys + (try await TokenKeys.secret(secret))
      } catch {
        throw ConfigurationError("--jwt-secret: \(error)")
      }
    }
    if let pemFile {
      let text = try read(pemFile, "--jwt-key")
      do {
        keys = keys + (try await TokenKeys.pem(text))
      } catch {
        throw ConfigurationError("--jwt-key: \(pemFile): \(error)")
      }
    }
    if let jwksFile {
      let text = try read(jwksFile, "--jwks")
      do {
        let set = try await TokenKeys.jwks(text)
        keys = keys + set.keys
        unused = set.unused
      } catch {
        throw ConfigurationError("--jwks: \(jwksFile): \(error)")
      }
    }
    return (keys, unused)
  }

  private func read(_ path: String, _ option: String) throws(ConfigurationError) -> String {
    guard let text = try? String(contentsOfFile: path, encoding: .utf8) else {
      throw ConfigurationError("\(option): \(path) cannot be read, or is not UTF-8 text.")
    }
    return text
  }
}
