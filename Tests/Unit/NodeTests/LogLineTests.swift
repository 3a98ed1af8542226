import Logging
import Testing

@testable import Node

/// A line of the log is one line, whatever clients have put into it.
@Suite struct LogLineTests {
  private static let origin = "https://a\u{1B}[2J\u{9B}31m\n2026-01-01T00:00:00.000Z info all is well\u{2028}"

  @Test func asText() {
    let line = LineLogHandler.line(.warning, "refused \u{7F}", ["origin": "\(Self.origin)"], at: "now", .text)
    let origin = #"https://a\u{1b}[2J\u{9b}31m\u{a}2026-01-01T00:00:00.000Z info all is well\u{2028}"#
    #expect(line == #"now warning refused \u{7f} origin="# + origin + "\n")
  }

  @Test func asJSON() {
    let line = LineLogHandler.line(
      .info, "refused \u{7F}", ["origin": "\(Self.origin)", "at": "1"], at: "now", .json)
    let origin = #"https://a\u001b[2J\u009b31m\n2026-01-01T00:00:00.000Z info all is well\u2028"#
    #expect(
      line == #"{"time":"now","level":"info","message":"refused \u007f","at":"1","origin":""# + origin + "\"}\n")
  }
}
