import Model
import Node
import Testing

@Suite struct ConfigurationFileTests {
  @Test func rulesInYAMLAndJSON() throws {
    let yaml = """
      # tickers may lag behind
      channels:
        - match: "ticker:*"
          overflow: conflate
        - { match: noise, overflow: drop }
        - match: "*"
      """
    let json = """
      {"channels":[{"match":"ticker:*","overflow":"conflate"},{"match":"noise","overflow":"drop"},{"match":"*"}]}
      """
    for text in [yaml, json] {
      let rules = try ConfigurationFile.rules(in: text, named: "rules")
      #expect(rules.rules.map(\.match.text) == ["ticker:*", "noise", "*"])
      #expect(rules.rules.map(\.overflow) == [.conflate, .drop, .disconnect])
    }
  }

  @Test(arguments: ["", "# nothing", "{}", "channels: []"])
  func nothingIsNoRules(_ text: String) throws {
    #expect(try ConfigurationFile.rules(in: text, named: "rules").rules.isEmpty)
  }

  /// What is wrong, where, and what was perhaps meant.
  @Test(arguments: [
    ("channels:\n  - match: a\n    overflw: drop", "line 3", "`overflow`"),
    ("chanels: []", "line 1", "`channels`"), ("channels: 5", "line 1", "list"),
    ("channels:\n  - overflow: drop", "line 2", "`match`"), ("channels:\n  - match: ''", "line 2", "pattern"),
    ("channels:\n  - match: a\n    overflow: explode", "line 3", "conflate"),
    ("channels:\n  - room", "line 2", "match"),
    ("[1, 2]", "line 1", "channels"), ("channels: [", "rules", "error"), ("a: b: c", "rules", "error"),
  ])
  func whatIsWrongIsSaid(_ text: String, _ place: String, _ hint: String) {
    let error = #expect(throws: ConfigurationError.self) { try ConfigurationFile.rules(in: text, named: "rules") }
    let description = error?.description ?? ""
    #expect(description.hasPrefix("rules"))
    #expect(description.contains(place), "\(description)")
    #expect(description.contains(hint), "\(description)")
  }
}
