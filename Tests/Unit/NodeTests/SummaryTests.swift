import Node
import Testing

/// The line that a node begins with.
@Suite struct SummaryTests {
  @Test(arguments: [
    (
      [Setting.dev: ["true"], .loops: ["1"]], "everybody may connect, under any user name (--dev)", "1 thread "
    ),
    (
      [.allowAnonymous: ["true"], .loops: ["2"]], "everybody may connect, anonymously (--allow-anonymous)", "2 threads "
    ),
    (
      [.allowAnonymous: ["true"], .jwtSecret: ["x"], .loops: ["2"]],
      "everybody may connect, with a token or anonymously (--allow-anonymous)", "in memory"
    ),
    ([.jwtSecret: ["x"], .loops: ["2"]], "clients with a token may connect", "in memory"),
    (
      [.dev: ["true"], .redis: ["redis://:secret@host"]], "everybody", "in the cluster of redis://:***@host:6379/0"
    ),
  ])
  func summary(_ options: [Setting: [String]], _ guests: String, _ rest: String) throws {
    let configuration = try NodeConfiguration(Settings(commandLine: options, environment: [:]))
    #expect(configuration.summary.hasPrefix(guests))
    #expect(configuration.summary.contains(rest))
  }
}
