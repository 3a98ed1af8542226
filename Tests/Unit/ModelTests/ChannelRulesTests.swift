import Model
import TestSupport
import Testing

@Suite struct ChannelRulesTests {
  @Test(arguments: [
    ("*", "a", true), ("*", "a:b:c", true), ("room:*", "room:", true), ("room:*", "room:1:x", true),
    ("room:*", "room", false), ("room:*", "xroom:1", false), ("*:log", "a:b:log", true), ("*:log", "log", false),
    ("a*b*c", "abc", true), ("a*b*c", "aXbYbZc", true), ("a*b*c", "acb", false), ("**", "x", true),
    ("exact", "exact", true), ("exact", "exactly", false), ("é*", "éa", true), ("a.c", "abc", false),
    ("*a", "aaa", true), ("*ab", "aab", true), ("?", "x", false),
  ])
  func patterns(_ pattern: String, _ name: String, _ matches: Bool) {
    #expect(ChannelPattern(pattern)?.matches(channel(name)) == matches)
  }

  @Test func anEmptyPatternIsNone() {
    #expect(ChannelPattern("") == nil)
  }

  /// Exponential in the number of stars, where each is tried again; this one would then not end.
  @Test func manyStarsCostLittle() {
    let pattern = ChannelPattern(String(repeating: "a*", count: 100) + "b")
    #expect(pattern?.matches(channel(String(repeating: "a", count: 200))) == false)
  }

  @Test func theFirstRuleThatMatchesCounts() throws {
    let room = try #require(ChannelPattern("room:*"))
    let all = try #require(ChannelPattern("*"))
    let rules = ChannelRules([.standard(room, isOpen: true), .standard(all, isOpen: false)])
    #expect(rules.rule(for: channel("room:1"))?.match == room)
    #expect(rules.rule(for: channel("lobby"))?.match == all)
    #expect(ChannelRules([.standard(room, isOpen: true)]).rule(for: channel("lobby")) == nil)
  }
}
