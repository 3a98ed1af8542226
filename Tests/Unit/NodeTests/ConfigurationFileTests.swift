import Model
import Node
import Testing

@Suite struct ConfigurationFileTests {
  /// YAML sees a truth value, numbers and a date in these.
  @Test(arguments: ["no", "on", "1e3", "08", "0x10", "2026-01-01", "1_000", "'null'", "\"~\"", ".inf"])
  func textStaysAsItIsWritten(_ text: String) throws {
    let file = try TemporaryFile("jwt-secret: \(text)")
    #expect(try settings(file: file).text(.jwtSecret) == text.filter { !"'\"".contains($0) })
  }

  @Test(arguments: ["", "# nothing", "{}"])
  func nothingSaysNothing(_ text: String) throws {
    #expect(try rules(text) == .standard(isOpen: false))
  }

  /// What is wrong, where, and what was perhaps meant.
  @Test(arguments: [
    ("chanels: []", "line 1", "`channels`"), ("max-outbx: 5", "line 1", "`max-outbox`"),
    ("port: 1\nconfig: x", "line 2", "no key"), ("channels: 5", "line 1", "list"), ("[1, 2]", "line 1", "channels"),
    ("channels: [", "line 2", "did not find"), ("a: b: c", "line 1", "not allowed"),
    ("dev: no", "line 1", "true or false"), ("dev: 1", "line 1", "true or false"), ("port:", "line 1", "no value"),
    ("port: ~", "line 1", "no value"), ("port: [1]", "line 1", "single value"), ("port: {a: 1}", "line 1", "single"),
    ("port: 1e3", "line 1", "whole number"), ("port: 1\nport: 2", "line 2", "twice, first in line 1"),
    ("port: 1\n# port: 3\n\nrate: 1\n'port' : 2", "line 5", "first in line 1"),
    ("rate: 1\nport: 1\nrate: 2\nport: 2\nport: 3", "line 4", "first in line 2"),
    ("port: 1\nrate: 1\nport: 2\nport: 3", "line 3", "first in line 1"),
    ("{\n  \"port\": 1,\n  \"rate\": 1,\n    \"port\": 2\n}", "line 4", "first in line 2"),
    ("{\"port\":1,\n\"port\":2}", "line 2", "first in line 1"), ("{port: 1, port: 2}", "line 1", "first in line 1"),
    ("? port\n: 1\n? port\n: 2", "line 3", "first in line 1"),
    (
      "channels:\n  - match: é\n    publish: server\n  - {match: é, publish: server,\n    match: b}", "line 5", "line 4"
    ),
    ("api-key:\n  - a\n  - [b]", "line 3", "single value"), ("direct: nobody", "line 1", "authenticated"),
    ("a: 1\n---\nb: 2", "line 2", "another document"), ("? [a]\n: 1", "line 1", "single word"),
    ("host: &a 127.0.0.1\nnode: *a", "line 1", "anchors"), ("port: *a", "line 1", "quotes"),
    ("channels: &a [*a]", "line 1", "alias"),
  ])
  func whatIsWrongIsSaid(_ text: String, _ place: String, _ hint: String) {
    let error = refusal { try ConfigurationFile(text: text, named: "apus.yaml") }
    #expect(error.hasPrefix("apus.yaml, \(place)"), "\(error)")
    #expect(error.contains(hint), "\(error)")
  }

  /// Each of these would take longer than anybody waits, or more memory or stack than there is.
  @Test(arguments: [
    bomb(100) { "[\($0), \($0), \($0)]" }, bomb(10) { "[\($0), \($0), \($0)]" }, bomb(100) { "{? \($0) : 1}" },
    bomb(30) { "{? \($0) : 1}" }, bomb(100) { "{? [\($0), \($0)] : 1, ? {a: \($0)} : 2}" },
    bomb(15) { "{? [\($0), \($0)] : 1}" },
    String(repeating: "[", count: 500_000), String(repeating: "{a: ", count: 100_000),
    String(repeating: "- ", count: 100_000), "channels: [" + String(repeating: "[", count: 20_000),
    String(repeating: "[", count: 900) + "&a b" + String(repeating: "]", count: 900),
  ])
  func nothingBlowsUp(_ text: String) {
    #expect(!refusal { try ConfigurationFile(text: text, named: "apus.yaml") }.isEmpty)
  }

  /// Anchors of which each refers to the one before.
  private static func bomb(_ levels: Int, _ value: (String) -> String) -> String {
    (1...levels).reduce("host: &a0 x\n") { text, level in "\(text)key\(level): &a\(level) \(value("*a\(level - 1)"))\n"
    }
  }

  @Test func aReloadReadsTheFileAgain() throws {
    let good = try TemporaryFile("channels:\n  - match: a")
    let bad = try TemporaryFile("max-outbox: 3\nchannels:\n  - match: a")
    let rules = try ConfigurationFile(path: good.path).rules(isOpen: true, isDevelopment: false)
    #expect(rules.rules.map(\.match.text) == ["a"])
    #expect(
      refusal { try ConfigurationFile(path: bad.path).rules(isOpen: true, isDevelopment: false) }
        .hasPrefix("\(bad.path), line 1: `max-outbox`"))
  }
}

/// The rules of a file where it takes to be known.
func rules(_ text: String, isOpen: Bool = false, isDevelopment: Bool = false) throws(ConfigurationError) -> ChannelRules
{
  try ConfigurationFile(text: text, named: "apus.yaml").rules(isOpen: isOpen, isDevelopment: isDevelopment)
}
