import ArgumentParser
import Glibc
import Logging
import Node
import Reactor

/// `apus serve`: run a node.
struct Serve: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Run a node.",
    usage: "apus serve [<options>]",
    discussion: """
        apus serve --dev                      a first try on this machine
        apus serve --config apus.yaml         `apus check` tells what would run

      Every option is also a variable, --max-outbox as APUS_MAX_OUTBOX, and a key of the file of --config, max-outbox: \
      in this order the first that says anything decides. Secrets are better given by files, which these variables \
      name: APUS_JWT_SECRET_FILE, APUS_API_KEY_FILE, APUS_API_READ_KEY_FILE, APUS_REDIS_FILE, APUS_BACKEND_SECRET_FILE. \
      Times are 500ms, 20s, 10m, 2h, 7d; a bare number is seconds.

      SIGTERM lets the clients go within --drain and ends in order; Ctrl-C ends in order at once; a second signal ends \
      the process where it stands.
      """)

  @OptionGroup var options: ServeOptions

  func run() async throws {
    let settings = try Settings(options.groups)
    let configuration = try NodeConfiguration(settings).validated()
    for warning in settings.warnings + configuration.warnings { printError(warning) }

    let log = BackgroundLog()
    let (level, format) = (configuration.logLevel, configuration.logFormat)
    let logger = Logger(label: "apus") { LineLogHandler(label: $0, level: level, format: format, log: log) }
    do {
      let isDevelopment = configuration.isDevelopment
      let path = configuration.webSocketPath
      try await Node(configuration, logger: logger).run { addresses in
        for address in addresses { logger.info("listening", metadata: ["address": "\(address)"]) }
        if isDevelopment, let address = addresses.first { Self.greet(address, path) }
      }
    } catch let error as SystemError {
      log.flush()
      throw Failure(explain(error, configuration.addresses))
    }
    log.flush()
  }

  private func explain(_ error: SystemError, _ addresses: [SocketAddress]) -> String {
    let places = addresses.map(\.description).joined(separator: ", ")
    return switch error.errno {
    case EADDRINUSE: "\(places) is in use already: stop who listens there, or choose another --port."
    case EACCES: "Not allowed to listen on \(places): ports below 1024 need a privilege."
    case EADDRNOTAVAIL: "This machine has no address \(places): see --host."
    default: "\(places): \(error)"
    }
  }

  /// What a newcomer can do next.
  private static func greet(_ address: SocketAddress, _ path: String) {
    let program = CommandLine.arguments.first ?? "apus"
    print(
      """

      Apus is up. Open http://\(address)/ in two browser tabs,
      or paste this into another terminal:

        \(program) sub demo:lobby --url ws://\(address)\(path)

      Ctrl-C ends it.

      """)
    fflush(nil)
  }
}
