import ArgumentParser
import JSON
import Model
import Node

/// The command line: what people run.
@main
struct Apus: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "apus",
    abstract: "A clustered WebSocket server: channels, messages, presence.",
    discussion: """
      To try it on this machine, run each line in its own terminal:

        apus serve --dev                    then open http://127.0.0.1:8080/ as well
        apus sub demo:lobby                 prints everything said on that page
        apus pub demo:lobby '"hello"'       says something there
      """,
    version: Node.version,
    subcommands: [Serve.self, Check.self, Where.self, Token.self, Subscribe.self, Publish.self, BenchCommand.self])

  static func main() async {
    let arguments = Array(CommandLine.arguments.dropFirst())
    var command: any ParsableCommand
    do {
      try checkCommand(arguments)
      command = try await asyncParseAsRoot(arguments)
    } catch {
      exit(withError: error)
    }
    do {
      if var command = command as? any AsyncParsableCommand {
        try await command.run()
      } else {
        try command.run()
      }
    } catch {
      end(type(of: command), with: error)
    }
  }

  /// Refuses the name of a command that there is not, with the one that was meant; the parser would call it an argument.
  private static func checkCommand(_ arguments: [String]) throws {
    let words = arguments.first == "help" ? arguments.dropFirst() : arguments[...]
    guard let word = words.first, !word.hasPrefix("-") else { return }
    let names = configuration.subcommands.map { $0._commandName }
    guard !names.contains(word), word != "help" else { return }
    throw ValidationError("There is no command '\(word.printable)'. \(hint(word, names))")
  }

  private static func hint(_ word: String, _ names: [String]) -> String {
    // Also `publish`, `subscribe` and `benchmark`.
    let begun = names.first { word.hasPrefix($0) }
    let nearest = begun ?? EditDistance.nearest(to: word, in: names)
    guard begun != nil || EditDistance.between(String(word.prefix(100)), nearest) <= 2 else {
      return "The commands are " + names.dropLast().joined(separator: ", ") + " and \(names.last ?? "")."
    }
    return "Did you mean \(nearest)?"
  }

  /// Ends with what a command has thrown. Whatever peers have put into the words is escaped.
  private static func end(_ command: any ParsableCommand.Type, with error: any Error) -> Never {
    // Help that was asked for, and statuses that need no word.
    if error is ExitCode || exitCode(for: error) == .success { exit(withError: error) }
    let words = message(for: error)
    // The line feeds in words on a configuration are our own.
    let lines = error is ConfigurationError ? words.split(separator: "\n").map(String.init) : [words]
    printToStandardError("Error: " + lines.map(\.printable).joined(separator: "\n"))
    guard error is ValidationError else { exit(withError: ExitCode.failure) }
    printToStandardError("Usage: \(usageString(for: command))")
    printToStandardError("  See 'apus \(command._commandName) --help' for more information.")
    exit(withError: ExitCode.validationFailure)
  }
}
