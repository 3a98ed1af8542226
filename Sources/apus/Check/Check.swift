import ArgumentParser
import Model
import Node
import Redis
import Tokens

/// `apus check`: what `apus serve` would do with the same options, without doing it.
struct Check: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Show what would run, and test Redis and the backend.",
    usage: "apus check [<options>]",
    discussion: """
        apus check --config apus.yaml

      Takes the options of `apus serve` and shows what would run, without running it. It reads the --config file and \
      the keys, and tries everything that a node needs from Redis. It calls the backend with the method `apus.check`. \
      The exit status is 0 if the node would run, with or without warnings, otherwise 1.
      """)

  @OptionGroup var options: ServeOptions

  func run() async throws {
    var printer = FindingPrinter()
    await check(&printer)
    printLine(
      printer.hasErrors
        ? "It would not run as it should." : printer.hasWarnings ? "It would run, with warnings." : "It would run.")
    if printer.hasErrors { throw ExitCode.failure }
  }

  private func check(_ printer: inout FindingPrinter) async {
    var findings: [Finding] = []
    let configuration: NodeConfiguration
    do {
      let settings = try Settings(options.groups)
      findings = try ConfigurationFindings.given(settings)
      configuration = try NodeConfiguration(settings)
    } catch {
      return printer.print("Options", findings + [.error(error.description)])
    }
    printer.print("Options", findings)
    printer.print("Node", ConfigurationFindings.node(configuration))
    printer.print("Access", ConfigurationFindings.access(configuration) + (await Self.keys(configuration)))
    printer.print("Channels", ConfigurationFindings.channels(configuration))
    var servers: [String: String] = [:]
    for index in configuration.redis.indices {
      let name = configuration.redis.count == 1 ? "Redis" : "redis-\(index)"
      let (groups, runID) = await Self.redis(index, configuration, servers)
      if let runID { servers[runID, default: name] = name }
      for group in groups { printer.print("\(name), \(group.place)", group.findings) }
    }
    if let backend = configuration.backend {
      printer.print("Backend, \(backend)", await BackendCheck.run(backend, secret: configuration.backendSecret))
    }
  }

  /// The findings at one place.
  struct Group {
    let place: String
    let findings: [Finding]
  }

  /// What is found at a Redis of the list, and its `run_id`; `servers` are those before it.
  private static func redis(
    _ index: Int, _ configuration: NodeConfiguration, _ servers: [String: String]
  ) async -> ([Group], runID: String?) {
    let place = configuration.redis[index].description
    do {
      let security = try configuration.redisContext()
      var findings: [Finding] = []
      var check: RedisCheck?
      switch configuration.redis[index] {
      case .server(let url):
        check = RedisCheck(index, of: configuration, at: url, security: security, others: servers)
      case .cluster(let url):
        return (await ClusterCheck(url: url, configuration: configuration, security: security).run(), nil)
      case .sentinels(let url):
        let inquiry = SentinelInquiry(url: url, security: security, timeout: min(configuration.redisTimeout, 5000))
        let found = await SentinelCheck(inquiry: inquiry).run()
        findings = found.findings
        check = found.primary.map {
          RedisCheck(index, of: configuration, at: $0, isWatched: true, security: security, others: servers)
        }
      }
      findings += await check?.run() ?? []
      return ([Group(place: place, findings: findings)], check?.runID)
    } catch {
      return ([Group(place: place, findings: [.error(error.description)])], nil)
    }
  }

  /// Whether the keys that tokens are checked with can be read.
  private static func keys(_ configuration: NodeConfiguration) async -> [Finding] {
    guard configuration.isAuthenticated else { return [] }
    do {
      let (keys, unused) = try await configuration.keyFiles.load()
      let found = keys.isEmpty ? [Finding.error("There is no key to verify tokens with.")] : []
      return found + keys.descriptions.map { .ok("key \($0)") } + unused.map(Finding.warning)
    } catch {
      return [.error(error.description)]
    }
  }
}
