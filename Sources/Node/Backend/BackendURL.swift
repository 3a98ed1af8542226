import FoundationEssentials

/// Where the backend takes calls: `http://host:port/path` or the same with `https`.
package struct BackendURL: Equatable, Sendable, CustomStringConvertible {
  private static let maxLength = 2048

  /// As it was given.
  let text: String
  /// Without its query, which may hold a secret.
  package var description: String { text.firstIndex(of: "?").map { text[..<$0] + "?***" } ?? text }

  /// Throws what is wrong with it; what it says is not quoted, since it may hold a password.
  package init(_ text: String) throws(ConfigurationError) {
    guard text.utf8.count <= Self.maxLength, text.utf8.allSatisfy({ (0x21...0x7E).contains($0) }),
      let url = URL(string: text), let scheme = url.scheme?.lowercased(), ["http", "https"].contains(scheme),
      let host = url.host(), !host.isEmpty
    else { throw ConfigurationError("the backend must be an http or https URL such as https://app.example.com/apus") }
    guard url.user == nil, url.password == nil else {
      throw ConfigurationError("the URL must not contain a user name or password: use --backend-secret")
    }
    guard url.fragment == nil else { throw ConfigurationError("the URL must not contain '#'") }
    guard url.port.map({ (1...65535).contains($0) }) ?? true else {
      throw ConfigurationError("the port must be a number from 1 to 65535")
    }
    self.text = text
  }
}
