import FoundationEssentials

/// A table of one of the repository's pages, for tests that compare it with the code.
package struct DocumentTable {
  package struct Missing: Error, CustomStringConvertible {
    package let description: String
  }

  /// The cells of each row but the head, without the spaces around them.
  package let rows: [[String]]

  /// A table of the section with that heading, which is given with its `#` signs; `number` counts them from 0.
  package init(_ page: String, _ heading: String, _ number: Int = 0) throws {
    let path = #filePath.replacing("Tests/Support/Values/DocumentTable.swift", with: page)
    let lines = try String(contentsOfFile: path, encoding: .utf8)
      .split(separator: "\n", omittingEmptySubsequences: false)
    let section = lines.drop { $0 != heading }.dropFirst().prefix { !$0.hasPrefix("#") }
    let tables = section.split { !$0.hasPrefix("|") }
    guard tables.indices.contains(number) else {
      throw Missing(description: "\(page) has no table \(number) in the section \(heading)")
    }
    rows = tables[number].dropFirst(2).map { line in
      line.dropFirst().dropLast().split(separator: "|", omittingEmptySubsequences: false).map(Self.trimmed)
    }
  }

  /// The first column, without its backticks.
  package var names: [String] { rows.map { $0[0].replacing("`", with: "") } }

  private static func trimmed(_ cell: Substring) -> String {
    String(String(cell.drop { $0 == " " }.reversed()).drop { $0 == " " }.reversed())
  }
}
