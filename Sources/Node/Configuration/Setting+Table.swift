import Logging

/// The one table of options: `--help`, the variables, the keys of the file and the page of `docs/` come from it.
extension Setting {
  /// Everything about the option but its names.
  var facts: Facts {
    switch self {
    case .dev:
      .toggle(
        "Development: loopback, no Redis needed, everybody may connect and say who they are (?user=), demo page.")
    case .allowAnonymous: .toggle("Let clients connect that say nothing of themselves.")
    case .config: .text("a path", .words("none"), "A file in YAML or JSON with options and with rules for channels.")
    case .jwtSecret:
      .text("a secret", .words("none"), "The secret that tokens are signed with, by HS256, HS384 or HS512.").secret
    case .jwtKey:
      .text("a path", .words("none"), "A file with the public key (PEM) that tokens are checked with.")
    case .jwks: .text("a path", .words("none"), "A file with the keys (JWKS) that tokens are checked with.")
    case .jwtAudience: .text("a name", .words("any"), "The audience (aud) that a token must be for.")
    case .jwtIssuer: .text("a name", .words("any"), "The issuer (iss) that a token must come from.")
    case .apiKey:
      .text("a key", .words("none"), "A key for the HTTP API.").repeatable.secret
    case .apiReadKey:
      .text("a key", .words("none"), "A key for the HTTP API that only reads.")
        .repeatable.secret
    case .host:
      .text(
        "an address such as 127.0.0.1 or ::", .words("0.0.0.0; with --dev 127.0.0.1"),
        "The address to listen on, in numbers, or localhost.")
    case .port: .integer(0...65535, "8080", "The port to listen on; 0 lets the kernel choose.")
    case .listen:
      .text(
        "unix:///path", .words("none"),
        "Listen on a unix socket (unix:///path) too, or only there if no --host and --port are given.")
    case .wsPath:
      Facts(form: .webSocketPath, fallback: .value("/ws"), help: "The path of the WebSocket, none that is taken.")
    case .compression:
      .toggle("Let clients agree on permessage-deflate; messages from 256 bytes on are compressed, once for all.")
    case .echo:
      .toggle("Add a plain WebSocket echo of up to 16 MiB at /echo, open to everybody, for tests and first tries.")
    case .loops:
      Facts(
        form: .integer(1...64), fallback: .words("the processors this process may use"),
        help: "Threads that hold connections, 1 to 64.")
    case .redis:
      .text(
        "a URL such as redis://host:6379/0", .words("none: one node, in memory"),
        "Redis, as redis://user:password@host:6379/0 or unix:///path."
      ).repeatable.secret
    case .redisPrefix: .text("a text", .value("apus:"), "What every key and channel in Redis begins with.")
    case .redisTimeout: .duration(100, "2s", "How long Redis may take to connect or to answer, at least 100ms.")
    case .node:
      .text(
        "1 to 40 letters, digits and '-'", .words("the host name"),
        "The name of this node in `connected`, presence and logs: 1 to 40 letters, digits and '-'.")
    case .leaveGrace: .duration(0, "3s", "How long a lost connection stays present.")
    case .backend:
      .text(
        "a URL such as https://app.example.com/apus", .words("none"),
        "Where requests go whose method the node does not know.")
    case .backendSecret:
      .text("a secret", .words("none"), "The secret that calls to the backend are signed with.").secret
    case .allowedHost:
      Facts(
        form: .host, fallback: .words("any; with --dev none besides"),
        help: "A host, as requests name it, that the node answers to besides localhost and addresses; others get 403."
      ).repeatable
    case .allowedOrigin:
      Facts(
        form: .origin, fallback: .words("none besides; with --dev those of this machine"),
        help: "A web origin that may connect besides the node's own host, such as https://app.example.com; '*' is all."
      ).repeatable
    case .trustedProxy:
      Facts(
        form: .network, fallback: .words("none"),
        help: "A network of proxies whose X-Forwarded-For and X-Forwarded-Proto are believed, such as 10.0.0.0/8."
      ).repeatable
    case .maxConnections: .integer(0...Int.max, "0", "WebSockets in all; 0 is no limit.")
    case .maxConnectionsPerIP: .integer(0...Int.max, "0", "WebSockets of one address; 0 is no limit.")
    case .connectRate: .number(0...1_000_000, "0", "Handshakes a second of one address; 0 is no limit.")
    case .maxMessageSize: .size(128...1 << 30, "65536", "The largest message in bytes, from 128 bytes to 1GiB.")
    case .maxChannels: .integer(1...Int.max, "128", "Channels of one connection.")
    case .rate:
      .number(
        0...1_000_000_000, "50",
        "Commands a second of one connection, and of all connections of a user together; 0 is no limit.")
    case .burst: .number(1...1_000_000_000, "100", "Commands at once after a rest.")
    case .maxOutbox:
      .size(
        256...Int.max, "1MiB",
        "How much may wait for a slow client before it is closed; at least twice --max-message-size.")
    case .pingInterval: .duration(100, "25s", "Time between WebSocket pings, at least 100ms.")
    case .pongTimeout: .duration(100, "10s", "Time in which a ping must be answered, at least 100ms.")
    case .drain: .duration(0, "20s", "How long SIGTERM takes to let the clients go.")
    case .logLevel: .choice(Logger.Level.allCases.map(\.rawValue), "info", "What is logged")
    case .logFormat: .choice(BackgroundLog.Format.allCases.map(\.rawValue), "text", "How it is logged")
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
