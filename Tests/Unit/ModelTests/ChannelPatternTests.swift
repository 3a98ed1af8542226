import Model
import Testing

/// Which patterns leave others nothing to match.
@Suite struct ChannelPatternTests {
  @Test(arguments: [
    ("*", "room:1", true), ("*", "*", true), ("room:*", "room:1", true), ("room:*", "room:*", true),
    ("room:*", "room:*:x", true), ("room:*", "room:", true), ("a**", "a*", true), ("a*", "a**", true),
    ("*a*", "b*a", true), ("a*b*c", "a*bb*c", true), ("*é", "*é", true), ("room:*", "*", false),
    ("room:1", "room:*", false), ("a*b", "a*", false), ("*ab*", "*a*b*", false), ("a*a", "a", false), ("x", "y", false),
    ("a*", "*a", false),
  ])
  func covers(_ first: String, _ second: String, _ covers: Bool) throws {
    #expect(try #require(ChannelPattern(first)).covers(#require(ChannelPattern(second))) == covers)
  }

  /// Against all names of up to six letters, one of which no pattern names.
  @Test func everyShortPatternAgainstEveryShortName() throws {
    let names = Self.words(of: "abc", upTo: 6).compactMap { ChannelName($0) }
    let patterns = Self.words(of: "ab*", upTo: 4).compactMap { ChannelPattern($0) }
    let matched = patterns.map { pattern in Set(names.indices.filter { pattern.matches(names[$0]) }) }
    var wrong: [String] = []
    for (first, inFirst) in zip(patterns, matched) {
      for (second, inSecond) in zip(patterns, matched) where first.covers(second) != inSecond.isSubset(of: inFirst) {
        wrong.append("\(first) \(second)")
      }
    }
    #expect(wrong.isEmpty)
  }

  private static func words(of letters: String, upTo length: Int) -> [String] {
    var last = [""]
    var all: [String] = []
    for _ in 0..<length {
      last = last.flatMap { word in letters.map { word + String($0) } }
      all += last
    }
    return all
  }

  @Test(arguments: [
    ("*", true), ("room:*", true), ("*:1", true), ("$*", false), ("$", false), ("a b", false), ("room:{*}", false),
    ("a\t*", false), ("*" + String(repeating: "x", count: 201), false),
    ("*" + String(repeating: "x", count: 200), true),
    ("*$", true),
  ])
  func someNamesNoClientCanUse(_ pattern: String, _ isPossible: Bool) {
    #expect(ChannelPattern(pattern)?.isPossible == isPossible)
  }
}
