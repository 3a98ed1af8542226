import Logging

/// The one table of options: `--help`, the variables, the keys of the file and the page of `docs/` come from it.
extension Setting {
  /// Everything about the option but its names.
  var facts: Facts {
    switch self {
    case .dev:
      .toggle(
        "Development mode: loopback, no Redis needed, everybody may connect under any user name (?user=), demo pages, console."
      )
    case .allowAnonymous: .toggle("Let clients connect without a token.")
    case .config: .text("a path", .words("none"), "A YAML or JSON file with options and channel rules.")
    case .jwtSecret:
      .text("a secret", .words("none"), "The secret that tokens are signed with (HS256, HS384 or HS512).").secret
    case .jwtKey:
      .text("a path", .words("none"), "A file with the public key (PEM) that tokens are verified with.")
    case .jwks: .text("a path", .words("none"), "A file with the keys (JWKS) that tokens are verified with.")
    case .jwtAudience: .text("a name", .words("any"), "The audience (aud) that a token must have.")
    case .jwtIssuer: .text("a name", .words("any"), "The issuer (iss) that a token must have.")
    case .apiKey:
      .text("a key", .words("none"), "A key for the HTTP API.").repeatable.secret
    case .apiReadKey:
      .text("a key", .words("none"), "A key for the HTTP API that can only read.")
        .repeatable.secret
    case .host:
      .text(
        "an address such as 127.0.0.1 or ::", .words("0.0.0.0; with --dev 127.0.0.1"),
        "The address to listen on: a numeric address or localhost.")
    case .port: .integer(0...65535, "8080", "The port to listen on; 0 lets the kernel choose.")
    case .listen:
      .text(
        "unix:///path", .words("none"),
        "Listen on a Unix socket (unix:///path): instead of TCP, or as well if --host or --port is given.")
    case .wsPath:
      Facts(form: .webSocketPath, fallback: .value("/ws"), help: "The path of the WebSocket; it must not be reserved.")
    case .compression:
      .toggle("Accept permessage-deflate; messages of 256 bytes or more are compressed, once for all clients.")
    case .echo:
      .toggle("Add a plain WebSocket echo of up to 16 MiB at /echo, open to everybody, for tests.")
    case .loops:
      Facts(
        form: .integer(1...64), fallback: .words("one for each processor it may use"),
        help: "Threads that hold connections, 1 to 64.")
    case .redis:
      .text(
        "a URL such as redis://host:6379/0", .words("none: one node, in memory"),
        """
        The URL of Redis: redis://user:password@host:6379/0, rediss:// for TLS, unix:///path, \
        redis+sentinel:// or redis+cluster://. \
        Given several times, channels and users are spread over them.
        """
      ).repeatable.secret
    case .redisCA:
      .text("a path", .words("those of the system"), "A file with the authorities (PEM) that sign Redis' certificate.")
    case .redisCert: .text("a path", .words("none"), "A file with the node's own certificate (PEM) for Redis.")
    case .redisKey: .text("a path", .words("none"), "A file with the key (PEM) of --redis-cert.")
    case .redisPrefix: .text("a prefix such as apus:", .value("apus:"), "The prefix of every key and channel in Redis.")
    case .redisTimeout: .duration(100, "2s", "The time Redis may take to connect or to answer, at least 100ms.")
    case .node:
      .text(
        "1 to 40 letters, digits and '-'", .words("the host name"),
        "The name of this node in `connected`, presence and logs: 1 to 40 letters, digits and '-'.")
    case .leaveGrace: .duration(0, "3s", "The time a lost connection stays in presence.")
    case .backend:
      .text(
        "a URL such as https://app.example.com/apus", .words("none"),
        "The URL that gets the requests whose method the node does not know.")
    case .backendSecret:
      .text("a secret", .words("none"), "The secret that calls to the backend are signed with.").secret
    case .allowedHost:
      Facts(
        form: .host, fallback: .words("any; with --dev no others"),
        help: "A Host that the node answers to, in addition to localhost and IP addresses; others get 403."
      ).repeatable
    case .allowedOrigin:
      Facts(
        form: .origin, fallback: .words("no others; with --dev those of this machine"),
        help: "A web origin that may connect besides the node's own host, e.g. https://app.example.com; '*' allows all."
      ).repeatable
    case .trustedProxy:
      Facts(
        form: .network, fallback: .words("none"),
        help: "A network of proxies, such as 10.0.0.0/8, whose X-Forwarded-For and X-Forwarded-Proto are trusted."
      ).repeatable
    case .maxConnections: .integer(0...Int.max, "0", "Maximum WebSockets in total; 0 means no limit.")
    case .maxConnectionsPerIP: .integer(0...Int.max, "0", "Maximum WebSockets per address; 0 means no limit.")
    case .connectRate: .number(0...1_000_000, "0", "Maximum handshakes per second from one address; 0 means no limit.")
    case .maxMessageSize: .size(128...1 << 30, "65536", "Maximum size of a message in bytes, from 128 bytes to 1GiB.")
    case .maxChannels: .integer(1...Int.max, "128", "Maximum channels per connection.")
    case .rate:
      .number(
        0...1_000_000_000, "50",
        "Maximum commands per second of one connection, and of all connections of a user together; 0 means no limit.")
    case .burst: .number(1...1_000_000_000, "100", "Maximum commands at once after a pause.")
    case .maxOutbox:
      .size(
        256...Int.max, "1MiB",
        "Maximum bytes that wait for a slow consumer before it is disconnected; at least twice --max-message-size.")
    case .pingInterval: .duration(100, "25s", "The time between WebSocket pings, at least 100ms.")
    case .pongTimeout: .duration(100, "10s", "The time a client has to answer a ping, at least 100ms.")
    case .drain: .duration(0, "20s", "The time over which SIGTERM disconnects the clients.")
    case .logLevel: .choice(Logger.Level.allCases.map(\.rawValue), "info", "The log level")
    case .logFormat: .choice(BackgroundLog.Format.allCases.map(\.rawValue), "text", "The log format")
    }
  }
}

extension Setting.Facts {
  fileprivate static func toggle(_ help: String) -> Self {
    Self(form: .toggle, fallback: .words("off"), help: help)
  }

  fileprivate static func text(_ what: String, _ fallback: Setting.Fallback, _ help: String) -> Self {
    Self(form: .text(what), fallback: fallback, help: help)
  }

  fileprivate static func integer(_ range: ClosedRange<Int>, _ fallback: String, _ help: String) -> Self {
    Self(form: .integer(range), fallback: .value(fallback), help: help)
  }

  fileprivate static func number(_ range: ClosedRange<Double>, _ fallback: String, _ help: String) -> Self {
    Self(form: .number(range), fallback: .value(fallback), help: help)
  }

  fileprivate static func duration(_ least: Int64, _ fallback: String, _ help: String) -> Self {
    Self(form: .duration(atLeast: least), fallback: .value(fallback), help: help)
  }

  fileprivate static func size(_ range: ClosedRange<Int>, _ fallback: String, _ help: String) -> Self {
    Self(form: .size(range), fallback: .value(fallback), help: help)
  }

  fileprivate static func choice(_ names: [String], _ fallback: String, _ help: String) -> Self {
    let form = SettingForm.choice(names)
    return Self(form: form, fallback: .value(fallback), help: "\(help): \(form.expected).")
  }

  fileprivate var repeatable: Self {
    var facts = self
    facts.isRepeatable = true
    return facts
  }

  fileprivate var secret: Self {
    var facts = self
    facts.isSecret = true
    return facts
  }
}
