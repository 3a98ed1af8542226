import Cluster
import Hub
import JSON
import Model
import TestSupport
import Testing

@testable import Node

/// What a node tells of its channels, and what is put together of what all have told.
@Suite struct ChannelPageTests {
  private func pattern(_ text: String) throws -> ChannelPattern { try #require(ChannelPattern(text)) }

  private func byName(
    _ census: [ChannelSize], _ match: ChannelPattern? = nil, after: String? = nil, limit: Int = 100
  ) -> ChannelPage {
    ChannelPage.byName(census, match: match, after: after, limit: limit)
  }

  /// As another node reads it.
  private func read(_ page: ChannelPage) throws -> ChannelPage {
    try #require(read(String(decoding: page.text, as: UTF8.self)))
  }

  private func read(_ text: String) -> ChannelPage? { JSONObject(text).flatMap { ChannelPage($0) } }

  // MARK: By name

  private static let census = ["b", "d", "a", "c"].enumerated().map { size($1, $0 + 1) }

  @Test func theFirstByNameComeInOrder() {
    #expect(words(byName(Self.census).sizes) == ["a 3", "b 1", "c 4", "d 2"])
    #expect(byName(Self.census).hasMore == false)
    for limit in 1...3 {
      let page = byName(Self.census, limit: limit)
      #expect(words(page.sizes) == Array(["a 3", "b 1", "c 4"].prefix(limit)) && page.hasMore)
    }
    #expect(byName(Self.census, limit: 4).hasMore == false, "there is none behind it")
    #expect(byName([]) == ChannelPage(sizes: [], hasMore: false))
  }

  @Test func aNameBeginsThePageBehindIt() {
    #expect(words(byName(Self.census, after: "b").sizes) == ["c 4", "d 2"])
    #expect(words(byName(Self.census, after: "bb").sizes) == ["c 4", "d 2"], "it need not be there")
    #expect(words(byName(Self.census, after: "").sizes).count == 4)
    #expect(byName(Self.census, after: "d") == ChannelPage(sizes: [], hasMore: false))
    #expect(byName(Self.census, after: "a", limit: 2).hasMore)
    #expect(!byName(Self.census, after: "b", limit: 2).hasMore)
  }

  @Test func onlyThoseThatMatchCount() throws {
    let census = ["room:1", "hall:1", "room:2", "room:3"].map { size($0, 1) }
    let page = byName(census, try pattern("room:*"), limit: 2)
    #expect(words(page.sizes) == ["room:1 1", "room:2 1"] && page.hasMore)
    #expect(!byName(census, try pattern("room:*"), limit: 3).hasMore)
    #expect(byName(census, try pattern("*:1"), after: "hall:1").sizes.map(\.name.string) == ["room:1"])
    #expect(byName(census, try pattern("x")) == ChannelPage(sizes: [], hasMore: false))
  }

  /// Not the order of the characters that the bytes stand for, which is none that all nodes have.
  @Test func theOrderIsThatOfTheBytes() {
    let names = ["Z", "a", "a\u{301}", "b", "z", "\u{E1}", "\u{FFFD}", "\u{1F426}"]
    let census = names.reversed().map { size($0, 1) }
    #expect(byName(census).sizes.map { Array($0.name.string.utf8) } == names.map { Array($0.utf8) })
    #expect(byName(census, after: "a\u{301}").sizes.count == 5, "the same text, and not the same bytes")
  }

  // MARK: Largest

  @Test func theLargestComeFirst() throws {
    let census = [size("b", 5), size("a", 5), size("c", 9), size("d", 1), size("e", 7)]
    #expect(words(ChannelPage.largest(census, match: nil, limit: 3).sizes) == ["c 9", "e 7", "a 5"])
    #expect(words(ChannelPage.largest(census, match: nil, limit: 9).sizes) == ["c 9", "e 7", "a 5", "b 5", "d 1"])
    #expect(words(ChannelPage.largest(census, match: try pattern("b"), limit: 3).sizes) == ["b 5"])
    #expect(ChannelPage.largest([], match: nil, limit: 3).sizes == [])
    #expect(words(ChannelPage.sorted(census, limit: 2)) == ["c 9", "e 7"])
  }

  // MARK: 64 KiB

  /// Channels with names of 200 bytes.
  private func long(_ count: Int) -> [ChannelSize] {
    (0..<count).map { number in size("\(1000 + number)" + String(repeating: "x", count: 196), number) }
  }

  @Test func whatDoesNotFitIsLeftOutAndSaid() {
    let most = ChannelPage.maxBytes / 216
    for page in [byName(long(most), limit: 1000), ChannelPage.largest(long(most), match: nil, limit: 1000)] {
      #expect(page.sizes.count == most && !page.hasMore)
    }
    let cut = byName(long(most + 1), limit: 1000)
    #expect(cut.sizes.count == most && cut.hasMore)
    #expect(cut.sizes == Array(long(most + 1).prefix(most)))
    let largest = ChannelPage.largest(long(1000), match: nil, limit: 1000)
    #expect(largest.sizes.count == most && largest.sizes.first?.subscribers == 999)
  }

  @Test func aCutPageIsGoneOnFromWhereItEnds() throws {
    let census = long(1000)
    var found: [ChannelSize] = []
    var after: String?
    for _ in 0..<20 {
      let page = byName(census.shuffled(), after: after, limit: 1000)
      found += page.sizes
      after = page.sizes.last?.name.string
      guard page.hasMore else { break }
    }
    #expect(found == census)
  }

  /// Also where each letter takes two or six in JSON.
  @Test func anAnswerFitsIntoASurvey() {
    let quotes = (0..<1000).map { size("\($0)" + String(repeating: "\"", count: 190), .max) }
    #expect(byName(quotes, limit: 1000).text.count < Survey.maxBytes)
    let question = NodeQuestion.subscribers(ChannelPage.candidates([ChannelPage(sizes: quotes, hasMore: false)]))
    #expect(question.text.count < Survey.maxBytes)
  }

  // MARK: Merging

  @Test func oneOfEachNameIsTold() {
    let pages = [
      ChannelPage(sizes: [size("a", 1), size("c", 2)], hasMore: false),
      ChannelPage(sizes: [size("b", 4), size("c", 8)], hasMore: false),
    ]
    #expect(words(ChannelPage.merged(pages, limit: 9).sizes) == ["a 1", "b 4", "c 10"])
    #expect(!ChannelPage.merged(pages, limit: 3).hasMore)
    let first = ChannelPage.merged(pages, limit: 2)
    #expect(words(first.sizes) == ["a 1", "b 4"] && first.hasMore)
    #expect(ChannelPage.merged([], limit: 2) == ChannelPage(sizes: [], hasMore: false))
  }

  /// Behind its last name the counts of a node that has more are not known.
  @Test func nothingIsToldBehindWhatANodeHasTold() {
    let short = ChannelPage(sizes: [size("a", 1), size("b", 1)], hasMore: true)
    let whole = ChannelPage(sizes: [size("b", 2), size("c", 2), size("d", 2)], hasMore: false)
    let page = ChannelPage.merged([short, whole], limit: 100)
    #expect(words(page.sizes) == ["a 1", "b 3"] && page.hasMore)
    let shorter = ChannelPage(sizes: [size("A", 7)], hasMore: true)
    #expect(words(ChannelPage.merged([short, whole, shorter], limit: 100).sizes) == ["A 7"])
    let ended = ChannelPage(sizes: [], hasMore: false)
    #expect(words(ChannelPage.merged([short, whole, ended], limit: 100).sizes) == ["a 1", "b 3"])
  }

  @Test func candidatesAreTheLargestOfAll() {
    let pages = [
      ChannelPage(sizes: [size("a", 5), size("b", 4)], hasMore: false),
      ChannelPage(sizes: [size("b", 4), size("c", 6)], hasMore: false),
    ]
    #expect(ChannelPage.candidates(pages) == ["b", "c", "a"])
    #expect(ChannelPage.candidates([]) == [])
    let many = ChannelPage.candidates([ChannelPage(sizes: long(1000), hasMore: false)])
    #expect(many.count == ChannelPage.maxBytes / 216 && many.first?.hasPrefix("1999") == true)
  }

  // MARK: Text

  @Test func aPageIsReadAsItWasWritten() throws {
    let sizes = ["a", "\"\\/", "é", "e\u{301}", "漢字🐦", "x\u{200B}", String(repeating: "x", count: 200)]
      .enumerated().map { size($1, $0 * 500_000_003) }
    for hasMore in [false, true] {
      let page = ChannelPage(sizes: sizes, hasMore: hasMore)
      #expect(try read(page) == page)
    }
    #expect(try read(ChannelPage(sizes: [], hasMore: false)) == ChannelPage(sizes: [], hasMore: false))
  }

  @Test(arguments: [
    "{}", #"{"names":["a"]}"#, #"{"subscribers":[1]}"#, #"{"names":["a"],"subscribers":[]}"#,
    #"{"names":["a"],"subscribers":[1,2]}"#, #"{"names":"a","subscribers":[1]}"#,
    #"{"names":["a",1],"subscribers":[1,1]}"#,
    #"{"names":["a"],"subscribers":["1"]}"#, #"{"names":["a"],"subscribers":[1.5]}"#,
    #"{"names":["a"],"subscribers":[9223372036854775808]}"#,
  ])
  func whatMakesNoSenseIsNoPage(_ text: String) {
    #expect(JSONObject(text) != nil && read(text) == nil)
  }

  @Test func namesThatAreNoneAreLeftOut() throws {
    let text = #"{"names":["a","","b c","{d}","e"],"subscribers":[1,2,3,4,5],"more":true}"#
    let page = try #require(read(text))
    #expect(words(page.sizes) == ["a 1", "e 5"] && page.hasMore)
  }

  /// Whoever may publish in Redis can answer, too.
  @Test func countsThatNobodyHasDoNotEndTheNode() async {
    await #expect(processExitsWith: .success) {
      let text = #"{"names":["a"],"subscribers":[9223372036854775807]}"#
      guard let object = JSONObject(text), let page = ChannelPage(object) else { return }
      _ = ChannelPage.merged([page, page], limit: 1)
    }
  }

  // MARK: Any cluster

  private struct RandomCluster {
    let censuses: [[ChannelSize]]
    /// What there is in all.
    let union: [ChannelSize]

    /// Nodes with some of the same channels; of some seeds the names are so long that pages are cut.
    init(_ generator: inout SplitMix64, isLong: Bool) {
      let letters = ["a", "b", "\"", "é", "e\u{301}", "\u{1F426}", "~", "A", ":"]
      let names = (0..<Int.random(in: 1...(isLong ? 900 : 150), using: &generator)).map { number in
        let text = (0..<Int.random(in: 0...4, using: &generator)).map { _ in
          letters.randomElement(using: &generator) ?? ""
        }
        return text.joined() + "\(number % 97)"
          + (isLong ? String(repeating: "x", count: Int.random(in: 100...170, using: &generator)) : "")
      }
      let channels = Array(Set(names.map(channel)))
      var sums: [ChannelName: Int] = [:]
      censuses = (0..<Int.random(in: 1...6, using: &generator)).map { _ in
        let share = Int.random(in: 0...4, using: &generator)
        return channels.filter { _ in Int.random(in: 0..<4, using: &generator) < share }.map { name in
          let count = Int.random(in: 1...9, using: &generator)
          sums[name, default: 0] += count
          return ChannelSize(name, subscribers: count)
        }.shuffled(using: &generator)
      }
      union = sums.map { ChannelSize($0.key, subscribers: $0.value) }.sorted {
        Array($0.name.string.utf8).lexicographicallyPrecedes(Array($1.name.string.utf8))
      }
    }
  }

  @Test(arguments: UInt64(0)..<24) func pagingToTheEndTellsEverythingOnceAndInOrder(_ seed: UInt64) throws {
    var generator = SplitMix64(seed: seed)
    let cluster = RandomCluster(&generator, isLong: seed % 4 == 0)
    let limit = seed % 4 == 0 ? 1000 : Int.random(in: 1...20, using: &generator)
    var found: [ChannelSize] = []
    var after: String?
    var rounds = 0
    repeat {
      rounds += 1
      let pages = try cluster.censuses.map { try read(byName($0, after: after, limit: limit)) }
      let page = ChannelPage.merged(pages, limit: limit)
      found += page.sizes
      try #require(page.sizes.count <= limit && (!page.sizes.isEmpty || !page.hasMore), "seed \(seed)")
      after = page.hasMore ? page.sizes.last?.name.string : nil
    } while after != nil && rounds < 1000
    #expect(found == cluster.union, "seed \(seed)")
    if seed % 4 != 0 { #expect(rounds >= cluster.union.count / limit) }
  }

  @Test(arguments: UInt64(0)..<12) func whatMatchesIsPagedAlike(_ seed: UInt64) throws {
    var generator = SplitMix64(seed: seed)
    let cluster = RandomCluster(&generator, isLong: false)
    let match = try pattern(["a*", "*1*", "*e\u{301}*", "*"][Int(seed % 4)])
    var found: [ChannelSize] = []
    var after: String?
    for _ in 0..<1000 {
      let page = ChannelPage.merged(cluster.censuses.map { byName($0, match, after: after, limit: 3) }, limit: 3)
      found += page.sizes
      guard page.hasMore, let last = page.sizes.last else { break }
      after = last.name.string
    }
    #expect(found == cluster.union.filter { match.matches($0.name) }, "seed \(seed)")
  }

  @Test(arguments: UInt64(0)..<12) func theLargestAreTheFirstOfAllBySize(_ seed: UInt64) {
    var generator = SplitMix64(seed: seed)
    for census in RandomCluster(&generator, isLong: false).censuses {
      let limit = Int.random(in: 1...20, using: &generator)
      let expected = census.sorted { left, right in
        left.subscribers == right.subscribers
          ? Array(left.name.string.utf8).lexicographicallyPrecedes(Array(right.name.string.utf8))
          : left.subscribers > right.subscribers
      }
      #expect(
        ChannelPage.largest(census, match: nil, limit: limit).sizes == Array(expected.prefix(limit)), "seed \(seed)")
    }
  }
}
