/// Where a Redis is and how to log in there: `redis://user:password@host:6379/0`, `rediss://…` for TLS, or
/// `unix:///path?db=0`.
///
/// User, password and socket path may be percent-encoded (RFC 3986 section 2.1). A bare `redis://host` means port 6379,
/// database 0, no login. `unix://user:password@/path` logs in over a socket.
package struct RedisURL: Sendable, Equatable {
  package enum Endpoint: Sendable, Equatable {
    /// A name or an address; an IPv6 address without its brackets.
    case tcp(host: String, port: UInt16)
    /// A socket's path, at most 107 bytes, which is what the kernel takes.
    case unix(path: String)
  }

  package let endpoint: Endpoint
  /// Nil for Redis' `default` user.
  package let user: String?
  package let password: String?
  package let database: Int
  /// Whether connections use TLS.
  package let isSecure: Bool
  /// What the certificate must be for, where that is not the host: `?server-name=` of a URL with TLS.
  package let serverName: String?

  package static let defaultPort: UInt16 = 6379

  /// Reads the URL; throws a sentence that says what is wrong and never shows what may be a password.
  package init(_ text: String) throws(RedisURLError) {
    guard let colon = text.firstRange(of: "://") else {
      throw RedisURLError("a Redis URL looks like redis://host:6379/0 or unix:///path/to/socket")
    }
    let rest = text[colon.upperBound...]
    switch text[..<colon.lowerBound].lowercased() {
    case "redis": try self.init(tcp: rest, isSecure: false)
    case "rediss": try self.init(tcp: rest, isSecure: true)
    case "unix": try self.init(unix: rest)
    default: throw RedisURLError("a Redis URL begins with \(RedisTarget.beginnings)")
    }
  }

  /// The Redis at that address, with that login.
  init(
    _ endpoint: Endpoint, user: String?, password: String?, database: Int = 0, isSecure: Bool, serverName: String?
  ) {
    self.endpoint = endpoint
    self.user = user
    self.password = password
    self.database = database
    self.isSecure = isSecure
    self.serverName = serverName
  }

  private init(tcp text: Substring, isSecure: Bool) throws(RedisURLError) {
    let parts = try Parts(text)
    guard !parts.hostAndPort.contains(",") else {
      throw RedisURLError("two Redis are two URLs, each with its scheme: redis://one and redis://other")
    }
    self.isSecure = isSecure
    if let query = parts.query {
      guard isSecure else { throw RedisURLError("a redis:// URL takes no '?': the database is its path, /0") }
      let key = "server-name="
      guard query.hasPrefix(key), !query.contains("&") else {
        throw RedisURLError("a rediss:// URL takes only the parameter ?server-name=")
      }
      serverName = try RedisURL.serverName(query.dropFirst(key.count))
    } else {
      serverName = nil
    }
    (user, password) = try parts.login()
    endpoint = try RedisURL.tcp(parts.hostAndPort, defaultPort: Self.defaultPort)
    database = parts.path.count <= 1 ? 0 : try RedisURL.database(parts.path.dropFirst())
  }

  private init(unix text: Substring) throws(RedisURLError) {
    let parts = try Parts(text)
    guard parts.hostAndPort.isEmpty else {
      throw RedisURLError("a unix:// URL has no host: its path begins with a third '/', as in unix:///run/redis.sock")
    }
    let path = try percentDecoded(parts.path, in: "path")
    guard path.utf8.count > 1, !path.utf8.contains(0) else {
      throw RedisURLError("a unix:// URL needs a path, as in unix:///run/redis.sock")
    }
    guard path.utf8.count <= 107 else { throw RedisURLError("the path of a Unix socket must not exceed 107 bytes") }
    (user, password) = try parts.login()
    (isSecure, serverName) = (false, nil)
    endpoint = .unix(path: path)
    if let query = parts.query {
      guard query.hasPrefix("db=") else { throw RedisURLError("a unix:// URL takes only the parameter ?db=") }
      database = try RedisURL.database(query.dropFirst(3))
    } else {
      database = 0
    }
  }

  /// Where it is, without who logs in there and how: `host:6379/0`, `/run/redis.sock/0`.
  package var place: String { "\(address)/\(database)" }

  /// The host and the port, or the socket: `host:6379`, `[::1]:6379`.
  package var address: String {
    switch endpoint {
    case .tcp(let host, let port): "\(host.contains(":") ? "[\(host)]" : host):\(port)"
    case .unix(let path): path
    }
  }

  /// What the server's certificate must be for.
  var certificateName: String {
    switch endpoint {
    case .tcp(let host, _): serverName ?? host
    case .unix(let path): path
    }
  }
}

extension RedisURL: CustomStringConvertible {
  /// The URL as it may be logged: `***` stands for the password.
  package var description: String {
    let login = loginText(user: user, password: password)
    switch endpoint {
    case .tcp:
      let query = serverName.map { "?server-name=\($0)" } ?? ""
      return "\(isSecure ? "rediss" : "redis")://\(login)\(address)/\(database)\(query)"
    case .unix(let path):
      return "unix://\(login)\(percentEncoded(path, keeping: "/"))?db=\(database)"
    }
  }
}
