/// The value of one `--redis`: a Redis at a fixed address, or one whose address Sentinels tell.
package enum RedisTarget: Sendable, Equatable {
  case server(RedisURL)
  case sentinels(SentinelURL)

  /// The beginnings of URLs, for sentences.
  static let beginnings = "redis://, rediss:// (TLS), redis+sentinel://, rediss+sentinel:// (TLS) or unix://"
  private static let schemes = ["redis://", "rediss://", "redis+sentinel://", "rediss+sentinel://", "unix://"]

  /// Reads the URL; throws a sentence that says what is wrong and never shows what may be a password.
  package init(_ text: String) throws(RedisURLError) {
    let scheme = text.firstRange(of: "://").map { text[..<$0.lowerBound].lowercased() }
    switch scheme {
    case "redis+sentinel", "rediss+sentinel": self = .sentinels(try SentinelURL(text))
    default: self = .server(try RedisURL(text))
    }
  }

  /// The URLs of a list with commas between them: one begins only where a scheme follows, since a password, and the
  /// hosts of Sentinels, may have commas.
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

  /// Whether connections use TLS.
  package var isSecure: Bool {
    switch self {
    case .server(let url): url.isSecure
    case .sentinels(let url): url.isSecure
    }
  }

  /// By what nodes tell it from others in their lists, which must be alike: without the login, and without the Sentinels,
  /// which may be replaced while nodes run.
  package var layoutEntry: String {
    switch self {
    case .server(let url): url.place
    case .sentinels(let url): url.layoutEntry
    }
  }

  /// The connections that a node holds there.
  package var connections: Int {
    switch self {
    case .server: 2
    case .sentinels(let url): 2 + url.sentinels.count
    }
  }

  /// Whether both mean one Redis for sure.
  package func isSame(as other: RedisTarget) -> Bool {
    switch (self, other) {
    case (.server(let one), .server(let other)): one.endpoint == other.endpoint && one.database == other.database
    case (.sentinels(let one), .sentinels(let other)):
      one.name == other.name
        && one.sentinels.contains { mine in
          other.sentinels.contains { $0.endpoint == mine.endpoint }
        }
    case (.server, .sentinels), (.sentinels, .server): false
    }
  }

  /// The name of the primary and the database, where other Sentinels are asked for the same: nodes could not tell the two
  /// apart. Nil where that is not so.
  package func nameShared(with other: RedisTarget) -> (name: String, database: Int)? {
    guard case .sentinels(let one) = self, case .sentinels(let other) = other,
      one.layoutEntry == other.layoutEntry
    else { return nil }
    return (one.name, one.database)
  }

  /// Whether both lead to one server, be it to two of its databases, as far as the URLs tell.
  package func isOneServer(as other: RedisTarget) -> Bool {
    switch (self, other) {
    case (.server(let one), .server(let other)): one.endpoint == other.endpoint
    case (.sentinels, .sentinels): isSame(as: other)
    case (.server, .sentinels), (.sentinels, .server): false
    }
  }
}

extension RedisTarget: CustomStringConvertible {
  /// The URL as it may be logged: `***` stands for a password.
  package var description: String {
    switch self {
    case .server(let url): url.description
    case .sentinels(let url): url.description
    }
  }
}
