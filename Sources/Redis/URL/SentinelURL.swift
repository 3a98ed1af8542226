/// Sentinels that are asked for the address of a primary, and how to log in there:
/// `redis+sentinel://user:password@host:26379,host2,host3/mymaster/0`, or `rediss+sentinel://…` for TLS, to the Sentinels
/// too.
///
/// The login and the database are those of Redis. `?sentinel-user=` and `sentinel-password=` are the login of the
/// Sentinels, `server-name=` what all certificates must be for. All may be percent-encoded (RFC 3986 section 2.1).
package struct SentinelURL: Sendable, Equatable {
  /// The Sentinels in the order they are given in, with their own login.
  package let sentinels: [RedisURL]
  /// The name under which they watch the primary.
  package let name: String
  /// The login and so on of the primary, wherever it is.
  private let user: String?
  private let password: String?
  let database: Int
  private let serverName: String?
  /// Whether all connections use TLS.
  package let isSecure: Bool

  package static let defaultPort: UInt16 = 26379
  /// Each costs a connection, and no cluster has so many.
  private static let mostSentinels = 16
  private static let example = "redis+sentinel://host:26379,host2,host3/mymaster/0"

  /// Reads the URL; throws a sentence that says what is wrong and never shows what may be a password.
  package init(_ text: String) throws(RedisURLError) {
    guard let colon = text.firstRange(of: "://") else {
      throw RedisURLError("a URL of Sentinels looks like \(Self.example)")
    }
    isSecure = text[..<colon.lowerBound].lowercased() == "rediss+sentinel"
    let parts = try RedisURL.Parts(text[colon.upperBound...])
    let query = try Query(parts.query, isSecure: isSecure)
    (user, password) = try parts.login()
    serverName = query.serverName
    (name, database) = try Self.path(parts.path)
    let endpoints = try RedisURL.list(
      parts.hostAndPort, defaultPort: Self.defaultPort, most: Self.mostSentinels, one: "Sentinel", many: "Sentinels")
    sentinels = endpoints.map { [isSecure, serverName] in
      RedisURL($0, user: query.user, password: query.password, isSecure: isSecure, serverName: serverName)
    }
  }

  /// The primary's name, and the database.
  private static func path(_ path: Substring) throws(RedisURLError) -> (name: String, database: Int) {
    let pieces = path.dropFirst().split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
    let name = try percentDecoded(pieces.first ?? "", in: "name of the primary")
    guard !name.isEmpty, name.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7F }) else {
      throw RedisURLError("Sentinels need the name of the primary, as in \(example)")
    }
    guard let database = pieces.dropFirst().first, !database.isEmpty else { return (name, 0) }
    return (name, try RedisURL.database(database))
  }

  /// By what nodes tell it from others in their lists: the name and the database. No other entry begins like this.
  var layoutEntry: String { "sentinel \(percentEncoded(name, keeping: ""))/\(database)" }

  /// The primary at that address, as Sentinels tell it.
  package func primary(at address: ServerAddress) -> RedisURL {
    RedisURL(
      .tcp(host: address.host, port: address.port), user: user, password: password, database: database,
      isSecure: isSecure, serverName: serverName)
  }
}

extension SentinelURL: CustomStringConvertible {
  /// The URL as it may be logged: `***` stands for a password.
  package var description: String {
    let scheme = isSecure ? "rediss+sentinel" : "redis+sentinel"
    let login = loginText(user: user, password: password)
    var query: [String] = []
    if let user = sentinels.first?.user { query.append("sentinel-user=" + percentEncoded(user, keeping: "")) }
    if sentinels.first?.password != nil { query.append("sentinel-password=***") }
    if let serverName { query.append("server-name=" + percentEncoded(serverName, keeping: ":")) }
    let hosts = sentinels.map(\.address).joined(separator: ",")
    return "\(scheme)://\(login)\(hosts)/\(percentEncoded(name, keeping: ""))/\(database)"
      + (query.isEmpty ? "" : "?" + query.joined(separator: "&"))
  }
}

extension SentinelURL {
  /// The part after `?`.
  private struct Query {
    private(set) var user: String?
    private(set) var password: String?
    private(set) var serverName: String?

    init(_ text: Substring?, isSecure: Bool) throws(RedisURLError) {
      guard let text else { return }
      for piece in text.split(separator: "&", omittingEmptySubsequences: false) {
        let value = piece.drop { $0 != "=" }.dropFirst()
        // What is unknown is not shown: it may be the end of a password.
        switch piece.prefix(while: { $0 != "=" }) {
        case "sentinel-user":
          guard user == nil else { throw Self.twice("sentinel-user") }
          user = try percentDecoded(value, in: "sentinel-user")
        case "sentinel-password":
          guard password == nil else { throw Self.twice("sentinel-password") }
          password = try percentDecoded(value, in: "sentinel-password")
        case "server-name":
          guard serverName == nil else { throw Self.twice("server-name") }
          guard isSecure else { throw RedisURLError("server-name is for TLS: use rediss+sentinel://") }
          serverName = try RedisURL.serverName(value)
        default:
          throw RedisURLError(
            "a URL of Sentinels takes only ?sentinel-user=, sentinel-password= and, with TLS, server-name=, with & "
              + "between them; in a password & is %26")
        }
      }
      if user?.isEmpty == true { user = nil }
      if user == nil, password?.isEmpty == true { password = nil }
      guard user == nil || password != nil else {
        throw RedisURLError("sentinel-user goes with sentinel-password")
      }
    }

    private static func twice(_ key: String) -> RedisURLError {
      RedisURLError("\(key) is given twice")
    }
  }
}
