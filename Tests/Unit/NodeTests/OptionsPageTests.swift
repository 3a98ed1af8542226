import FoundationEssentials
import Glibc
import Node
import Testing

/// The table of options in `docs/operations.md` is the one in the code.
///
/// To write it anew: `APUS_REFRESH_DOCS=1 swift test --filter OptionsPage`.
@Suite struct OptionsPageTests {
  private static let page = #filePath.replacing(
    "Tests/Unit/NodeTests/OptionsPageTests.swift", with: "docs/operations.md")
  private static let begin = "| option | default | |\n| --- | --- | --- |\n"

  @Test func thePageSaysWhatTheTableSays() throws {
    let page = try String(contentsOfFile: Self.page, encoding: .utf8)
    let start = try #require(page.firstRange(of: Self.begin), "the page has no table of options")
    let end = try #require(page[start.upperBound...].firstRange(of: "\n\n"))
    let table = Setting.allCases.map(Self.row).joined(separator: "\n")
    if getenv("APUS_REFRESH_DOCS") != nil {
      let refreshed = page[..<start.upperBound] + table + page[end.lowerBound...]
      try String(refreshed).write(toFile: Self.page, atomically: true, encoding: .utf8)
    } else {
      #expect(
        page[start.upperBound..<end.lowerBound] == table,
        "write the page anew: APUS_REFRESH_DOCS=1 swift test --filter OptionsPage")
    }
  }

  private static func row(_ setting: Setting) -> String {
    let fallback =
      switch setting.fallback {
      case .value(let text): "`\(text)`"
      case .words(let text): text
      }
    let repeatable = setting.isRepeatable ? " Repeatable." : ""
    let secret = setting.fileVariable.map { " A secret: also by `\($0)`." } ?? ""
    return "| `\(setting.flag)` | \(fallback) | \(setting.help)\(repeatable)\(secret) |"
  }
}
