import ArgumentParser
import Node

/// The command line: what people run.
@main
struct Apus: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "apus",
    abstract: "A WebSocket cluster node: channels, messages and presence, relayed through Redis.",
    discussion: """
      A first try, on this machine alone:

        apus serve --dev                      then open http://127.0.0.1:8080/ in two tabs
        apus sub lobby                        in another terminal: everything said in the lobby
        apus pub lobby '{"text":"hello"}'     and in a third
      """,
    version: Node.version,
    subcommands: [Serve.self, Check.self, Token.self, Subscribe.self, Publish.self, BenchCommand.self])
}
