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
    default: throw RedisURLError("a Redis URL begins with redis://, rediss:// (TLS) or unix://")
    }
  }

  private static let schemes = ["redis://", "rediss://", "unix://"]

  /// The URLs of a list with commas between them: one begins only where a scheme follows, so that a password may hold a
  /// comma.
  package static func list(_ text: String) -> [String] {
    var urls: [String] = []
    for piece in text.split(separator: ",", omittingEmptySubsequences: false) {
      let start = piece.drop(while: \.isWhitespace).lowercased()
      if urls.isEmpty || schemes.contains(where: start.hasPrefix) {
        urls.append(String(piece))
      } else {
        urls[urls.count - 1] += ",\(piece)"
      }
    }
    // A comma at the end is followed by nothing.
    if urls.last?.hasSuffix(",") == true { urls[urls.count - 1].removeLast() }
    return urls
  }

  private init(tcp text: Substring, isSecure: Bool) throws(RedisURLError) {
    let parts = try Parts(text)
    guard !parts.hostAndPort.contains(",") else {
      throw RedisURLError("two Redis are two URLs, each with its scheme: redis://one and redis://other")
    }
    self.isSecure = isSecure
    if let query = parts.query {
      guard isSecure else { throw RedisURLError("a redis:// URL takes no '?': the database is its path, /0") }
      serverName = try Self.serverName(query)
    } else {
      serverName = nil
    }
    (user, password) = try parts.login()
    endpoint = try Self.tcp(parts.hostAndPort)
    database = parts.path.count <= 1 ? 0 : try Self.database(parts.path.dropFirst())
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
      database = try Self.database(query.dropFirst(3))
    } else {
      database = 0
    }
  }

  private static func tcp(_ text: Substring) throws(RedisURLError) -> Endpoint {
    let host: Substring
    let portText: Substring
    if text.first == "[" {
      guard let bracket = text.firstIndex(of: "]") else { throw RedisURLError("the host's '[' has no ']'") }
      host = text[text.index(after: text.startIndex)..<bracket]
      portText = text[text.index(after: bracket)...]
      guard host.contains(":"), host.utf8.allSatisfy(isAddressByte) else {
        throw RedisURLError("only an IPv6 address may be in brackets")
      }
    } else {
      let colon = text.firstIndex(of: ":") ?? text.endIndex
      host = text[..<colon]
      portText = text[colon...]
      guard !text.contains(where: \.isWhitespace) else {
        throw RedisURLError("a Redis URL has no blanks; between two URLs stands a comma")
      }
      guard !portText.dropFirst().contains(":") else {
        throw RedisURLError("an IPv6 address must be in brackets, as in redis://[::1]:6379")
      }
      guard !host.isEmpty, host.utf8.allSatisfy(isHostByte) else {
        throw RedisURLError("the host must be a name or an address")
      }
    }
    if portText.isEmpty { return .tcp(host: String(host), port: defaultPort) }
    guard portText.first == ":", let port = decimal(portText.dropFirst(), upTo: Int(UInt16.max)), port > 0 else {
      throw RedisURLError("the port must be a number from 1 to 65535")
    }
    return .tcp(host: String(host), port: UInt16(port))
  }

  private static func serverName(_ query: Substring) throws(RedisURLError) -> String {
    let key = "server-name="
    guard query.hasPrefix(key), !query.contains("&") else {
      throw RedisURLError("a rediss:// URL takes only the parameter ?server-name=")
    }
    let name = try percentDecoded(query.dropFirst(key.count), in: "server-name")
    // With a dot in front it would stand for every name below.
    guard !name.isEmpty, name.utf8.count <= 253, name.first != ".", name.utf8.allSatisfy(isAddressByte) else {
      throw RedisURLError("the server-name must be a name or an address")
    }
    return name
  }

  private static func database(_ text: Substring) throws(RedisURLError) -> Int {
    guard let number = decimal(text, upTo: Int(Int32.max)) else {
      throw RedisURLError("the database must be a number, as in redis://host:6379/0")
    }
    return number
  }

  /// Where it is, without who logs in there and how: `host:6379/0`, `/run/redis.sock/0`.
  package var place: String {
    switch endpoint {
    case .tcp(let host, let port): "\(host):\(port)/\(database)"
    case .unix(let path): "\(path)/\(database)"
    }
  }

  /// What the server's certificate must be for.
  var certificateName: String {
    switch endpoint {
    case .tcp(let host, _): serverName ?? host
    case .unix(let path): path
    }
  }

  /// A number of digits alone: `Int` would take a sign.
  private static func decimal(_ text: Substring, upTo limit: Int) -> Int? {
    guard text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else { return nil }
    return Int(text).flatMap { $0 <= limit ? $0 : nil }
  }

  private static func isHostByte(_ byte: UInt8) -> Bool {
    isUnreserved(byte)
  }

  /// Digits and colons, a last part in dotted decimal, and a zone such as `%eth0`.
  private static func isAddressByte(_ byte: UInt8) -> Bool {
    isUnreserved(byte) || byte == UInt8(ascii: ":") || byte == UInt8(ascii: "%")
  }
}

extension RedisURL: CustomStringConvertible {
  /// The URL as it may be logged: `***` stands for the password.
  package var description: String {
    var login = ""
    if user != nil || password != nil {
      login = percentEncoded(user ?? "", keeping: "") + (password == nil ? "" : ":***") + "@"
    }
    switch endpoint {
    case .tcp(let host, let port):
      let address = "\(host.contains(":") ? "[\(host)]" : host):\(port)"
      let query = serverName.map { "?server-name=\($0)" } ?? ""
      return "\(isSecure ? "rediss" : "redis")://\(login)\(address)/\(database)\(query)"
    case .unix(let path):
      return "unix://\(login)\(percentEncoded(path, keeping: "/"))?db=\(database)"
    }
  }
}
