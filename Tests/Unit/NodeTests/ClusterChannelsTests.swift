import Cluster
import Hub
import JSON
import Model
import TestSupport
import Testing

@testable import Node

/// The channels of a cluster, as the routes tell them that ask all nodes.
@Suite struct ClusterChannelsTests {
  private static let list = "GET /api/channels"
  private static let small = Nodes([
    "web-1.a": [size("a", 1), size("c", 5), size("d", 1)], "web-2.b": [size("b", 2), size("c", 2)], "web-3.c": [],
  ])

  // MARK: A few

  @Test func channelsAreSummedUpByName() async throws {
    let whole = try await Self.small.respond(Self.list)
    #expect(whole.channelWords == ["a 1", "b 2", "c 7", "d 1"])
    #expect(whole.objects("channels")?.map { $0.integer("members") } == [1, 1, 1, 1])
    #expect(whole.string("after") == nil && whole.strings("partial") == nil)
    let first = try await Self.small.respond(Self.list, ["limit": "3"])
    #expect(first.channelWords == ["a 1", "b 2", "c 7"] && first.string("after") == "c")
    let next = try await Self.small.respond(Self.list, ["limit": "3", "after": "c"])
    #expect(next.channelWords == ["d 1"] && next.string("after") == nil)
    #expect(try await Self.small.respond(Self.list, ["match": "c*"]).channelWords == ["c 7"])
    #expect(try await Self.small.respond(Self.list, ["match": "x"]).channelWords == [])
  }

  @Test func theLargestInAllComeFirst() async throws {
    let largest = try await Self.small.respond(Self.list, ["sort": "subscribers", "limit": "2"])
    #expect(largest.channelWords == ["c 7", "b 2"] && largest.string("after") == nil)
    let nodes = Nodes(["a.a": [], "b.b": []])
    #expect(try await nodes.respond(Self.list, ["sort": "subscribers"]).channelWords == [])
    #expect(nodes.questions == [.largestChannels(match: nil, limit: 300)], "there is nothing to count")
  }

  @Test func oneChannelIsCountedOnAllNodes() async throws {
    let route = "GET /api/channels/{channel}"
    let c = try await Self.small.respond(route, path: ["channel": "c"])
    #expect(c.string("name") == "c" && c.integer("subscribers") == 7 && c.integer("members") == 1)
    #expect(c.object("rule")?.string("match") == "*" && c.kind("history") == nil)
    #expect(try await Self.small.respond(route, path: ["channel": "none"]).integer("subscribers") == 0)
  }

  @Test func onlyAListByNameHasANextPage() async {
    await #expect { try await Self.small.respond(Self.list, ["sort": "subscribers", "after": "a"]) } throws: {
      ($0 as? RouteError)?.status == 400
    }
  }

  // MARK: What is missing

  @Test func nodesThatDoNotTellAreNamed() async throws {
    let nodes = Nodes(["web-1.a": [size("a", 1)]], others: ["web-3.c": nil, "web-2.b": .some(Array("garbage".utf8))])
    for query in [[:], ["sort": "subscribers"]] {
      let page = try await nodes.respond(Self.list, query)
      #expect(page.channelWords == ["a 1"] && page.strings("partial") == ["web-2.b", "web-3.c"])
    }
    let one = try await nodes.respond("GET /api/channels/{channel}", path: ["channel": "a"])
    #expect(one.integer("subscribers") == 1 && one.strings("partial") == ["web-2.b", "web-3.c"])
  }

  /// An object that is no page tells nothing either.
  @Test func aNodeThatAnswersSomethingElseIsNamedToo() async throws {
    let nodes = Nodes(["web-1.a": [size("a", 1)]], others: ["web-2.b": .some(Array(#"{"x":1}"#.utf8))])
    #expect(try await nodes.respond(Self.list).strings("partial") == ["web-2.b"])
  }

  /// Whoever may publish in Redis can answer, too.
  @Test(arguments: [
    "{}", " {}", #" {"name":"x"}"#, #"{"connections":[{}]}"#, #"{"connections":[ {} , {"client":"c"}]}"#,
    #"{"connections":[1]}"#,
  ])
  func noAnswerOfANodeMakesInvalidJSON(_ text: String) async {
    let nodes = Nodes([:], others: ["web-2.b": .some(Array(text.utf8))])
    for (route, path) in [
      ("GET /api/nodes", [:]), ("GET /api/users/{user}", ["user": "alice"]), ("GET /api/stats", [:]),
    ] {
      await #expect(throws: Never.self) { try await nodes.respond(route, path: path) }
    }
  }

  @Test func aSilentNodeIsToldOfWithItsLease() async throws {
    let nodes = Nodes(
      [:], others: ["web-9.z": nil, "web-1.a": .some(Array(#"{"name":"web-1","connections":3}"#.utf8))])
    let answer = try await nodes.respond("GET /api/nodes")
    let rows = try #require(answer.objects("nodes"))
    #expect(rows.map { $0.string("id") } == ["web-1.a", "web-9.z"])
    #expect(rows.map { $0.string("name") } == ["web-1", "web-9"])
    #expect(rows.map { $0.integer("leaseAge") } == [nil, 300] && rows.map { $0.integer("connections") } == [3, nil])
    #expect(answer.strings("partial") == ["web-9.z"])
  }

  // MARK: Many

  /// Fifty nodes with so many channels each; a third of all are on several.
  private func many(_ count: Int) -> (nodes: Nodes, sums: [String: Int]) {
    var generator = SplitMix64(seed: 50)
    let shared = (0..<count / 3).map { channel("shared:\($0)") }
    var sums: [String: Int] = [:]
    var censuses: [String: [ChannelSize]] = [:]
    for node in 0..<50 {
      var census: [ChannelSize] = []
      for number in 0..<count {
        let isShared = number < shared.count
        let name = isShared ? shared[number] : channel("room:\(node * count + number)")
        // A few are far larger, as everywhere.
        let subscribers =
          number % 97 == 0 ? Int.random(in: 1000...5000, using: &generator) : Int.random(in: 1...20, using: &generator)
        census.append(ChannelSize(name, subscribers: subscribers))
        sums[name.string, default: 0] += subscribers
      }
      censuses["node-\(node).x"] = census.shuffled(using: &generator)
    }
    return (Nodes(censuses), sums)
  }

  private func isBefore(_ left: String, _ right: String) -> Bool { left.utf8.lexicographicallyPrecedes(right.utf8) }

  @Test func fiftyNodesGiveTheRightPages() async throws {
    let (nodes, sums) = many(1000)
    let names = sums.keys.sorted(by: isBefore)
    let first = try await nodes.respond(Self.list)
    #expect(first.channelWords == names.prefix(100).map { "\($0) \(sums[$0] ?? 0)" })
    #expect(first.string("after") == names[99])
    let second = try await nodes.respond(Self.list, ["after": names[99], "limit": "1000"])
    #expect(second.channelWords == names[100..<1100].map { "\($0) \(sums[$0] ?? 0)" })
    let largest = try await nodes.respond(Self.list, ["sort": "subscribers"])
    let sizes = sums.sorted { $0.value == $1.value ? isBefore($0.key, $1.key) : $0.value > $1.value }
    #expect(largest.channelWords == sizes.prefix(100).map { "\($0.key) \($0.value)" })
  }

  /// What one answer of a node and the merge of fifty cost, told and not judged: this is not optimised.
  @Test func whatANodeAndAMergeTake() throws {
    var census: [ChannelSize] = []
    for number in 0..<100_000 { census.append(size("room:\(number * 7919 % 1_000_003)", number % 50 + 1)) }
    let clock = ContinuousClock()
    var page = ChannelPage(sizes: [], hasMore: false)
    let answer = clock.measure { page = ChannelPage.byName(census, match: nil, after: nil, limit: 1000) }
    let largest = clock.measure { _ = ChannelPage.largest(census, match: nil, limit: 2100).text }
    var merged = page
    let merge = try clock.measure {
      let pages = try (0..<50).map { _ in
        try #require(JSONObject(String(decoding: page.text, as: UTF8.self)).flatMap(ChannelPage.init))
      }
      merged = ChannelPage.merged(pages, limit: 1000)
    }
    print("channels: 1,000 of 100,000 by name in \(answer), 2,100 by size in \(largest); 50 pages merged in \(merge)")
    #expect(merged.sizes == page.sizes.map { ChannelSize($0.name, subscribers: 50 * $0.subscribers) })
  }
}
