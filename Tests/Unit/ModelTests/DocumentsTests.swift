import Model
import TestSupport
import Testing

/// Tables of `docs/` say what the code says.
@Suite struct DocumentsTests {
  @Test func errorCodes() throws {
    let table = try DocumentTable("docs/protocol.md", "## Error codes")
    #expect(table.names == ErrorCode.allCases.map(\.rawValue))
    #expect(table.rows.map { $0[1] } == ErrorCode.allCases.map { $0.isTemporary ? "yes" : "no" })
  }

  @Test func capabilities() throws {
    let table = try DocumentTable("docs/security.md", "## What the holder may do", 1)
    #expect(table.names == Capabilities.names.map(\.name))
  }

  @Test func levels() throws {
    let table = try DocumentTable("docs/operations.md", "### Rules for channels")
    let values = Dictionary(uniqueKeysWithValues: zip(table.names, table.rows.map { $0[1] }))
    for level in PublishLevel.allCases { #expect(values["publish"]?.contains("`\(level.rawValue)`") == true) }
    for level in SubscribeLevel.allCases { #expect(values["subscribe"]?.contains("`\(level.rawValue)`") == true) }
    let levels = Set(
      try DocumentTable("docs/security.md", "## What the holder may do").rows.flatMap { row in
        row[1].split { "`, ".contains($0) }.map(String.init)
      })
    #expect(levels.isSuperset(of: PublishLevel.allCases.map(\.rawValue)))
    #expect(levels.isSuperset(of: SubscribeLevel.allCases.map(\.rawValue)))
  }

  @Test func overflow() throws {
    let table = try DocumentTable("docs/operations.md", "### Rules for channels", 1)
    #expect(Set(table.names) == Set(OverflowPolicy.allCases.map(\.rawValue)))
  }
}
