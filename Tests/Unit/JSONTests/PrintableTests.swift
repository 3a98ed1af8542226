import JSON
import Testing

/// What peers send, as a terminal may show it.
@Suite struct PrintableTests {
  @Test(arguments: [
    ("plain text, \\ and \"", "plain text, \\ and \""), ("Grüße, 世界 👋", "Grüße, 世界 👋"), ("", ""),
    ("a\nb\r\nc\td", #"a\u{a}b\u{d}\u{a}c\u{9}d"#), ("\u{1B}[2J", #"\u{1b}[2J"#),
    ("\u{7F}\u{9B}31m", #"\u{7f}\u{9b}31m"#),
    ("a\u{2028}b\u{202E}c\u{2066}", #"a\u{2028}b\u{202e}c\u{2066}"#), ("\0", #"\u{0}"#),
  ])
  func text(_ text: String, _ expected: String) {
    #expect(text.printable == expected)
  }

  @Test(arguments: [
    (#"{"a":[1, 2.0],"b":"x\n\"y"}"#, #"{"a":[1, 2.0],"b":"x\n\"y"}"#),
    ("{\n\t\"a\" :\r\n1}", #"{  "a" :  1}"#),
    ("\"\u{7F}\u{80}\u{9B}31m\u{2028}\u{202E}\u{2069}\"", #""\u007f\u0080\u009b31m\u2028\u202e\u2069""#),
    // A quotation mark that is escaped ends nothing; one after an escaped backslash does.
    ("[\"a\\\"\u{85}\",\n1]", #"["a\"\u0085", 1]"#), ("[\"a\\\\\",\n1]", #"["a\\", 1]"#),
    // No JSON, as no node sends it.
    ("hello\n\u{1B}[2J\u{9B}", #"hello \u001b[2J\u009b"#), ("\"open\n\u{1B}", #""open\u000a\u001b"#),
    ("\"\\\u{1B}\n", #""\\u001b\u000a"#),
  ])
  func json(_ json: String, _ expected: String) {
    #expect(json.printableJSON == expected)
  }

  @Test func theValueStaysTheSame() throws {
    let json = "{\"data\":\"\u{7F}\u{9F}é\u{2029}\",\n\"n\": 1}"
    let (before, after) = (try #require(JSONObject(json)), try #require(JSONObject(json.printableJSON)))
    #expect(before.string("data") == after.string("data"))
    #expect(after.integer("n") == 1)
  }
}
