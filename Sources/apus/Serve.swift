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
        apus serve --config apus.yaml         `apus check` shows what would run

      Every option is also an environment variable and a key of the --config file: --max-outbox, APUS_MAX_OUTBOX, \
      max-outbox. The command line wins over the environment, and the environment over the file. Keep secrets in files \
      and name the files in these variables: APUS_JWT_SECRET_FILE, APUS_API_KEY_FILE, APUS_API_READ_KEY_FILE, \
      APUS_REDIS_FILE, APUS_BACKEND_SECRET_FILE. Times are written 500ms, 20s, 10m, 2h, 7d; a bare number is seconds.

      SIGTERM disconnects the clients over the time of --drain, then shuts down cleanly. Ctrl-C shuts down cleanly at \
      once. A second signal ends the process immediately.
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
    case EADDRINUSE: "\(places) is already in use: stop the program that listens there, or choose another --port."
    case EACCES: "Permission denied to listen on \(places): ports below 1024 need extra privileges."
    case EADDRNOTAVAIL: "This machine does not have the address \(places): change --host."
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

      Press Ctrl-C to stop it.

      """)
    fflush(nil)
  }
}
