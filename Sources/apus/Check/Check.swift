import ArgumentParser
import Model
import Node
import Tokens

/// `apus check`: what `apus serve` would do with the same options, without doing it.
struct Check: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Tell what would run, and try Redis and the backend.",
    usage: "apus check [<options>]",
    discussion: """
        apus check --config apus.yaml

      Takes the options of `apus serve` and says what would run, without running it. It reads the file of --config and \
      the keys, and tries at Redis whatever a node needs there. The backend is called with the method `apus.check`. Its \
      status is 0 when the node would run, warnings or not, else 1.
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
    printer.print("Who may connect", ConfigurationFindings.access(configuration) + (await Self.keys(configuration)))
    printer.print("Channels", ConfigurationFindings.channels(configuration))
    if let redis = configuration.redis {
      let check = RedisCheck(
        url: redis, prefix: configuration.redisPrefix, timeout: configuration.redisTimeout,
        maxMessageSize: configuration.maxMessageSize)
      printer.print("Redis, \(redis)", await check.run())
    }
    if let backend = configuration.backend {
      printer.print("Backend, \(backend)", await BackendCheck.run(backend, secret: configuration.backendSecret))
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
