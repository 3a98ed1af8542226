import Model
import Node
import Reactor

/// What `apus check` says of options, without a look at anything but them.
enum ConfigurationFindings {
  /// Every option somebody has said something for, with where.
  static func given(_ settings: Settings) throws(ConfigurationError) -> [Finding] {
    var findings: [Finding] = []
    for setting in Setting.allCases {
      for value in try settings.given(setting) {
        let text = shown(value.text, of: setting)
        findings.append(.ok("\(setting.name) = \(text)  (\(value.origin.place))"))
      }
    }
    if findings.isEmpty { findings.append(.ok("none given: the defaults apply")) }
    return findings + settings.warnings.map(Finding.warning)
  }

  /// The value of an option as it may be shown.
  private static func shown(_ text: String, of setting: Setting) -> String {
    if setting.isSecret { return "***" }
    // What is no URL of a backend may hold a password, which is one of the reasons.
    if setting == .backend, (try? BackendURL(text)) == nil { return "***" }
    return text
  }

  private static func cluster(_ configuration: NodeConfiguration) -> String {
    switch configuration.redis.count {
    case 0: "alone, in memory: no --redis"
    case 1: "in the cluster of its Redis"
    case let count: "in the cluster of \(count) Redis: channels and users are spread over them"
    }
  }

  static func node(_ configuration: NodeConfiguration) -> [Finding] {
    let addresses = configuration.addresses.map(\.description).joined(separator: " and ")
    var findings: [Finding] = [
      .ok("\(configuration.nodeName) on \(addresses), the WebSocket at \(configuration.webSocketPath)"),
      .ok(count(configuration.loops, "thread") + " for connections"),
      .ok(cluster(configuration)),
    ]
    let budget = DescriptorBudget(of: configuration, limit: Sys.raiseDescriptorLimit())
    do {
      let room = try budget.validated().room
      findings.append(.ok("room for about \(room) connections: see ulimit -n"))
    } catch {
      findings.append(.error(error.description))
    }
    if let warning = budget.warning(maxConnections: configuration.maxConnections) { findings.append(.warning(warning)) }
    do {
      _ = try configuration.validated()
    } catch {
      findings.append(.error(error.description))
    }
    return findings + configuration.warnings.map(Finding.warning)
  }

  static func access(_ configuration: NodeConfiguration) -> [Finding] {
    var findings: [Finding] = []
    if configuration.isDevelopment {
      findings.append(.ok("everybody, under any user name: --dev"))
    } else if configuration.allowsAnonymous {
      findings.append(.ok("everybody, with or without a token: --allow-anonymous"))
    }
    if configuration.isAuthenticated {
      let keys = [
        configuration.jwtSecret.map { _ in "a secret" }, configuration.jwtKeyFile, configuration.jwksFile,
      ]
      findings.append(.ok("clients with a token, verified with " + keys.compactMap(\.self).joined(separator: ", ")))
      findings += [("audience", configuration.jwtAudience), ("issuer", configuration.jwtIssuer)].compactMap { claim in
        claim.1.map { .ok("only tokens with the \(claim.0) \($0)") }
      }
    }
    findings += pages(configuration)
    let (all, reading) = (configuration.apiKeys.count, configuration.apiReadKeys.count)
    if configuration.isDevelopment, all + reading > 0 {
      findings.append(.warning("the HTTP API is open: --dev; the API keys have no effect"))
    } else if all + reading > 0 {
      findings.append(.ok("the HTTP API: \(count(all, "key")), and \(reading) that can only read"))
    } else {
      findings.append(
        .ok(configuration.isDevelopment ? "the HTTP API is open: --dev" : "the HTTP API is closed: no key"))
    }
    return findings
  }

  /// Which hosts and origins pages may have.
  private static func pages(_ configuration: NodeConfiguration) -> [Finding] {
    var origins = ["the node's own host"] + configuration.allowedOrigins.sorted()
    if configuration.isDevelopment { origins.append("this machine, on any port: --dev") }
    return [
      .ok(
        configuration.answersToAnyHost
          ? "any Host header: no --allowed-host"
          : "Host headers with localhost, an IP address or an --allowed-host: "
            + (configuration.allowedHosts.isEmpty ? "none" : configuration.allowedHosts.joined(separator: ", "))),
      .ok(
        configuration.allowedOrigins.contains("*")
          ? "pages from every origin: --allowed-origin *" : "pages from " + origins.joined(separator: ", ")),
    ]
  }

  static func channels(_ configuration: NodeConfiguration) -> [Finding] {
    let source = configuration.settings.filePath.map { "of \($0)" } ?? "without a file"
    let rules = configuration.rules.rules
    var findings: [Finding] = [.ok(count(rules.count, "rule") + " \(source); direct: \(configuration.rules.direct)")]
    if rules.isEmpty { findings.append(.warning("There are no rules: every channel is forbidden.")) }
    return findings + rules.map { .ok(words($0)) }
  }

  private static func words(_ rule: ChannelRule) -> String {
    var words = [
      "publish \(rule.publish)", "subscribe \(rule.subscribe)", "signal \(rule.signal)",
      rule.hasPresence ? "presence" : "no presence",
    ]
    if let history = rule.history {
      words.append("history of \(history.size) for \(Milliseconds(history.timeToLive))")
    }
    if rule.sendsLast { words.append("last") }
    if rule.overflow != .disconnect { words.append("overflow \(rule.overflow)") }
    return "\(rule.match): " + words.joined(separator: ", ")
  }

  private static func count(_ number: Int, _ noun: String) -> String {
    "\(number) \(noun)\(number == 1 ? "" : "s")"
  }
}
