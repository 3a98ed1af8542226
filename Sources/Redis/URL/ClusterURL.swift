/// Servers of a Redis Cluster, of which any knows the others, and how to log in at all of them:
/// `redis+cluster://user:password@host:6379,host2,host3`, or `rediss+cluster://…?server-name=…` for TLS.
///
/// User, password and server name may be percent-encoded (RFC 3986 section 2.1).
package struct ClusterURL: Sendable, Equatable {
  /// In the order they are given in.
  package let servers: [RedisURL]
  /// The parts that a connection to any server needs, wherever it is.
  private let user: String?
  private let password: String?
  private let serverName: String?
  /// Whether all connections use TLS.
  package let isSecure: Bool

  /// Any one leads to the others.
  private static let mostServers = 64
  private static let example = "redis+cluster://host:6379,host2,host3"

  /// Reads the URL; throws a sentence that says what is wrong and never shows what may be a password.
  package init(_ text: String) throws(RedisURLError) {
    guard let colon = text.firstRange(of: "://") else {
      throw RedisURLError("a URL of a Cluster looks like \(Self.example)")
    }
    isSecure = text[..<colon.lowerBound].lowercased() == "rediss+cluster"
    let parts = try RedisURL.Parts(text[colon.upperBound...])
    serverName = try Self.serverName(parts.query, isSecure: isSecure)
    (user, password) = try parts.login()
    if parts.path.count > 1 {
      guard try RedisURL.database(parts.path.dropFirst()) == 0 else {
        throw RedisURLError("a Cluster has only database 0")
      }
    }
    let endpoints = try RedisURL.list(
      parts.hostAndPort, defaultPort: RedisURL.defaultPort, most: Self.mostServers, one: "server", many: "servers")
    servers = endpoints.map { [user, password, isSecure, serverName] in
      RedisURL($0, user: user, password: password, isSecure: isSecure, serverName: serverName)
    }
  }

  private static func serverName(_ query: Substring?, isSecure: Bool) throws(RedisURLError) -> String? {
    guard let query else { return nil }
    let key = "server-name="
    guard query.hasPrefix(key), !query.contains("&") else {
      throw RedisURLError("a URL of a Cluster takes only, with TLS, the parameter ?server-name=")
    }
    guard isSecure else { throw RedisURLError("server-name is for TLS: use rediss+cluster://") }
    return try RedisURL.serverName(query.dropFirst(key.count))
  }

  /// Which Cluster is meant: the servers as they are given.
  package var place: String { servers.map(\.address).joined(separator: ",") }

  /// The server at that address, as another server of the Cluster tells it.
  package func server(at address: ServerAddress) -> RedisURL {
    RedisURL(
      .tcp(host: address.host, port: address.port), user: user, password: password, isSecure: isSecure,
      serverName: serverName)
  }
}

extension ClusterURL: CustomStringConvertible {
  /// The URL as it may be logged: `***` stands for a password.
  package var description: String {
    let query = serverName.map { "?server-name=" + percentEncoded($0, keeping: ":") } ?? ""
    return "\(isSecure ? "rediss" : "redis")+cluster://\(loginText(user: user, password: password))\(place)\(query)"
  }
}
